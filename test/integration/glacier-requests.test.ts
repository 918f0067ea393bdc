import assert from 'node:assert/strict'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { MIB } from '@firn/core'
import {
  aPart,
  failure,
  hasCode,
  json,
  never,
  openScriptedServer,
  type ScriptedServer,
  streamOf,
  until,
  upload,
} from './glacier-scripted-server.ts'

let server: ScriptedServer
beforeEach(async () => {
  server = await openScriptedServer()
})
afterEach(() => server[Symbol.asyncDispose]())

describe('createGlacier(): what is sent', () => {
  it('opens an upload with its part size and description, signed for Glacier', async () => {
    await using glacier = server.connect()
    server.answer = json(201, null, { 'x-amz-multipart-upload-id': '-id_1' })
    const input = { vault: 'photos', partSizeBytes: 2 * MIB, description: 'two  spaces (2026)' }
    assert.deepEqual(await glacier.initiateUpload(input, never), { uploadId: '-id_1' })
    const [request] = server.requests
    assert.equal(`${request?.method} ${request?.url}`, 'POST /-/vaults/photos/multipart-uploads')
    assert.equal(request?.headers['x-amz-part-size'], '2097152')
    assert.equal(request?.headers['x-amz-archive-description'], 'two  spaces (2026)')
    assert.equal(request?.headers['x-amz-glacier-version'], '2012-06-01')
    assert.match(request?.headers.authorization ?? '', /\/eu-north-1\/glacier\/aws4_request/)
  })

  it('sends a part with its range, length and both hashes, from memory and from a stream', async () => {
    await using glacier = server.connect()
    let received = Buffer.alloc(0)
    server.answer = async (req, res) => {
      received = await buffer(req)
      res.writeHead(204, { 'x-amz-sha256-tree-hash': req.headers['x-amz-sha256-tree-hash'] })
      res.end()
    }
    for (const sizeBytes of [1, MIB - 1, MIB, MIB + 1, 5 * MIB + 77]) {
      const part = aPart(sizeBytes, 8 * MIB)
      const bodies = [part.body, streamOf(part.body)]
      for (const body of bodies) {
        await glacier.uploadPart({ ...part, body }, never)
        assert.ok(received.equals(part.body))
        const headers = server.requests.at(-1)?.headers
        assert.equal(headers?.['content-range'], `bytes ${8 * MIB}-${8 * MIB + sizeBytes - 1}/*`)
        assert.equal(headers?.['content-length'], String(sizeBytes))
        assert.equal(headers?.['transfer-encoding'], undefined)
        assert.equal(headers?.['x-amz-content-sha256'], part.sha256)
        assert.equal(headers?.['x-amz-sha256-tree-hash'], part.treeHash)
      }
    }
    assert.equal(new Set(server.requests.map(({ socket }) => socket)).size, 1)
  })

  it('sends the hashes it was given, and hashes nothing itself', async () => {
    await using glacier = server.connect()
    server.answer = json(204, null, { 'x-amz-sha256-tree-hash': 'f'.repeat(64) })
    const part = { ...aPart(1000), sha256: 'e'.repeat(64), treeHash: 'f'.repeat(64) }
    await glacier.uploadPart(part, never)
    assert.equal(server.requests[0]?.headers['x-amz-content-sha256'], 'e'.repeat(64))
    assert.equal(server.requests[0]?.headers['x-amz-sha256-tree-hash'], 'f'.repeat(64))
  })

  it('completes with size and tree hash, and returns the archive', async () => {
    await using glacier = server.connect()
    const hash = 'a'.repeat(64)
    const location = '/1/vaults/photos/archives/-archive'
    const headers = { 'x-amz-archive-id': '-archive', location, 'x-amz-sha256-tree-hash': hash }
    server.answer = json(201, null, headers)
    const input = { ...upload, sizeBytes: 10_000 * 4 * 1024 ** 3, treeHash: hash }
    const archive = await glacier.completeUpload(input, never)
    assert.deepEqual(archive, { archiveId: '-archive', location, treeHash: hash })
    assert.equal(server.requests[0]?.headers['x-amz-archive-size'], '42949672960000')
    assert.equal(server.requests[0]?.headers['x-amz-sha256-tree-hash'], hash)
    server.answer = json(201, null, { 'x-amz-archive-id': '-archive' })
    const bare = await glacier.completeUpload(input, never)
    assert.equal(bare.location, '/-/vaults/photos/archives/-archive')
  })

  it('has as many parts in flight as it is given, each on its own connection', async () => {
    await using glacier = server.connect()
    let inFlight = 0
    server.answer = async (req, res) => {
      inFlight++
      await buffer(req)
      await until(() => inFlight === 40)
      res.writeHead(204, { 'x-amz-sha256-tree-hash': req.headers['x-amz-sha256-tree-hash'] })
      res.end()
    }
    const parts = Array.from({ length: 40 }, () => glacier.uploadPart(aPart(1000), never))
    await Promise.all(parts)
    assert.equal(inFlight, 40)
  })

  it('keeps connections for the next request', async () => {
    await using glacier = server.connect()
    server.answer = failure(400, 'ThrottlingException')
    for (let round = 0; round < 5; round++) {
      await assert.rejects(glacier.uploadPart(aPart(MIB), never), hasCode('GLACIER_THROTTLED'))
    }
    assert.equal(new Set(server.requests.map((request) => request.socket.remotePort)).size, 1)
  })
})
