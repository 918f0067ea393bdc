import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { AppError, type ErrorCode, MIB } from '@firn/core'
import {
  type Answer,
  aPart,
  environment,
  hasCode,
  never,
  openScriptedServer,
  type ScriptedServer,
  streamOf,
  upload,
} from './glacier-scripted-server.ts'

let server: ScriptedServer
beforeEach(async () => {
  server = await openScriptedServer()
})
afterEach(() => server[Symbol.asyncDispose]())

describe('createGlacier(): connections that fail', () => {
  const parts = () => {
    const part = aPart(8 * MIB)
    return [part, { ...part, body: streamOf(part.body) }]
  }

  it('is GLACIER_UNAVAILABLE when the connection is refused, or its name unknown', async () => {
    await using refused = server.connect({}, 'http://127.0.0.1:1')
    for (const part of parts()) {
      await assert.rejects(refused.uploadPart(part, never), hasCode('GLACIER_UNAVAILABLE'))
    }
    await using unknown = server.connect({}, 'http://glacier.invalid')
    await assert.rejects(unknown.abortUpload(upload, never), hasCode('GLACIER_UNAVAILABLE'))
  })

  it('is GLACIER_UNAVAILABLE when the connection is reset before, in and after the body', async () => {
    await using glacier = server.connect()
    const resets: readonly Answer[] = [
      (req) => req.socket.resetAndDestroy(),
      (req) => req.once('data', () => req.socket.resetAndDestroy()),
      async (req) => {
        await buffer(req)
        req.socket.resetAndDestroy()
      },
      async (req, res) => {
        await buffer(req)
        res.writeHead(204, { 'content-length': 10 })
        res.flushHeaders()
        req.socket.destroy()
      },
    ]
    for (const reset of resets) {
      for (const part of parts()) {
        server.answer = reset
        await assert.rejects(glacier.uploadPart(part, never), (error) => {
          const codes: readonly ErrorCode[] = ['GLACIER_UNAVAILABLE', 'OUTCOME_UNKNOWN']
          return error instanceof AppError && codes.includes(error.code)
        })
      }
    }
  })

  it('is GLACIER_TIMEOUT when no answer comes, or only its beginning', async () => {
    await using glacier = server.connect({ requestTimeoutMs: 100 })
    server.answer = () => undefined
    await assert.rejects(glacier.abortUpload(upload, never), hasCode('GLACIER_TIMEOUT'))
    server.answer = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
      res.write('{"Parts":')
    }
    const list = glacier.listParts(upload, never)[Symbol.asyncIterator]()
    await assert.rejects(list.next(), hasCode('GLACIER_TIMEOUT'))
  })

  it('is GLACIER_TIMEOUT when nothing moves in the middle of a body, or after it', async () => {
    await using glacier = server.connect({ socketTimeoutMs: 100 })
    for (const stall of [() => undefined, (req: IncomingMessage) => req.resume()]) {
      for (const part of parts()) {
        server.answer = stall
        await assert.rejects(glacier.uploadPart(part, never), hasCode('GLACIER_TIMEOUT'))
      }
    }
  })

  it('is GLACIER_TIMEOUT when the handshake of TLS does not end', async () => {
    const mute = createTcpServer()
    const accepted: Socket[] = []
    mute.on('connection', (socket) => accepted.push(socket.on('error', () => undefined)))
    await once(mute.listen(0, '127.0.0.1'), 'listening')
    const { port: mutePort } = mute.address() as AddressInfo
    await using glacier = server.connect({ connectTimeoutMs: 100 }, `https://127.0.0.1:${mutePort}`)
    await assert.rejects(glacier.abortUpload(upload, never), hasCode('GLACIER_TIMEOUT'))
    for (const socket of accepted) socket.destroy()
    mute.close()
  })

  it('waits for an operator when there are no credentials, or no region', async () => {
    delete process.env.AWS_SECRET_ACCESS_KEY
    try {
      await using glacier = server.connect()
      await assert.rejects(glacier.abortUpload(upload, never), hasCode('GLACIER_CREDENTIALS'))
    } finally {
      Object.assign(process.env, environment)
    }
    delete process.env.AWS_REGION
    try {
      await using glacier = server.connect()
      await assert.rejects(glacier.abortUpload(upload, never), hasCode('GLACIER_CREDENTIALS'))
    } finally {
      Object.assign(process.env, environment)
    }
    assert.equal(server.requests.length, 0)
  })

  it('passes on what the source says when the stream of a part fails', async () => {
    await using glacier = server.connect()
    server.answer = (req) => req.resume()
    const body = new Readable({
      read() {
        this.destroy(new AppError('SOURCE_CHANGED', 'the file ends too early'))
      },
    })
    const sending = glacier.uploadPart({ ...aPart(1000), body }, never)
    await assert.rejects(sending, hasCode('SOURCE_CHANGED'))
  })
})
