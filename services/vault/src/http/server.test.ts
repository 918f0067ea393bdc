import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { closeServer, createHttpServer, listen } from './server.ts'

const silent = { error: assert.fail, warn: assert.fail } as never

describe('closeServer()', () => {
  it('answers what is asked on an open connection while it closes, and then closes that', async () => {
    const server = createHttpServer(async (_req, res) => void res.writeHead(200).end('yes'), silent)
    const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setEncoding('utf8')
    const chunks: string[] = []
    socket.on('data', (chunk: string) => chunks.push(chunk))
    const closed = closeServer(server)
    socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'end')
    assert.match(chunks.join(''), /^HTTP\/1\.1 200 OK\r\nconnection: close\r\n/i)
    await closed
  })
})
