import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { MIB } from '@firn/core'
import {
  aPart,
  hasCode,
  never,
  openScriptedServer,
  type ScriptedServer,
  until,
} from './glacier-scripted-server.ts'

let server: ScriptedServer
beforeEach(async () => {
  server = await openScriptedServer()
})
afterEach(() => server[Symbol.asyncDispose]())

describe('createGlacier(): memory of a body', () => {
  it("rejects with the signal's reason, and the connection is gone by then", async () => {
    await using glacier = server.connect()
    let closed = 0
    server.answer = (req) => req.socket.once('close', () => closed++)
    for (const [index, sizeBytes] of [1000, 32 * MIB].entries()) {
      const abort = new AbortController()
      const sending = glacier.uploadPart(aPart(sizeBytes), abort.signal)
      await until(() => server.requests.length === index + 1)
      const reason = new Error('cancelled')
      abort.abort(reason)
      await assert.rejects(sending, reason)
      // A server that does not read does not notice either.
      server.requests[index]?.resume()
      await until(() => closed === index + 1)
    }
    const late = AbortSignal.abort(new Error('late'))
    await assert.rejects(glacier.uploadPart(aPart(1000), late), /late/)
    assert.equal(server.requests.length, 2)
  })

  it('stops sending a part that is refused before its body was read', async () => {
    const text = JSON.stringify({ code: 'InvalidParameterValueException', message: 'no' })
    let received = 0
    let isClosed = false
    const refusing = createTcpServer((socket) => {
      socket.once('data', () => {
        const head = `HTTP/1.1 400 Bad Request\r\ncontent-length: ${text.length}\r\n\r\n`
        socket.write(head + text)
      })
      socket.on('data', (chunk) => {
        received += chunk.length
      })
      socket.on('error', () => undefined)
      socket.on('close', () => {
        isClosed = true
      })
    })
    await once(refusing.listen(0, '127.0.0.1'), 'listening')
    const { port } = refusing.address() as AddressInfo
    await using glacier = server.connect({}, `http://127.0.0.1:${port}`)
    const part = aPart(128 * MIB)
    await assert.rejects(glacier.uploadPart(part, never), hasCode('GLACIER_REFUSED'))
    await until(() => isClosed)
    assert.ok(received < part.body.length, 'all of it was sent')
    refusing.close()
  })

  it('never sends what is written to the memory after an abort', async () => {
    const mark = Buffer.alloc(64 * 1024, 0xee)
    let received = 0
    let isMarked = false
    const tap = createTcpServer((socket) => {
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => {
        received += chunk.length
        if (chunk.includes(mark.subarray(0, 4096))) isMarked = true
        // Slow on purpose, so that the sender always has more to send.
        socket.pause()
        setImmediate(() => socket.resume())
      })
    })
    await once(tap.listen(0, '127.0.0.1'), 'listening')
    const { port: tapPort } = tap.address() as AddressInfo
    await using glacier = server.connect({}, `http://127.0.0.1:${tapPort}`)
    for (let round = 0; round < 5; round++) {
      const part = aPart(64 * MIB)
      const abort = new AbortController()
      const before = received
      const sending = glacier.uploadPart(part, abort.signal)
      await until(() => received > before + MIB)
      abort.abort(new Error('cancelled'))
      await assert.rejects(sending, /cancelled/)
      part.body.fill(0xee)
    }
    await until(() => received > 0)
    await new Promise((resolve) => tap.close(resolve))
    assert.equal(isMarked, false)
  })
})
