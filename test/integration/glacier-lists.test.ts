import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { MIB } from '@firn/core'
import {
  type Answer,
  hasCode,
  json,
  never,
  openScriptedServer,
  page,
  type ScriptedServer,
  upload,
} from './glacier-scripted-server.ts'

let server: ScriptedServer
beforeEach(async () => {
  server = await openScriptedServer()
})
afterEach(() => server[Symbol.asyncDispose]())

describe('createGlacier(): lists', () => {
  const parts = Array.from({ length: 7 }, (_, index) => ({
    RangeInBytes: `${index * MIB}-${(index + 1) * MIB - 1}`,
    SHA256TreeHash: String(index).repeat(64),
  }))

  /** Serves `items` two at a time, with a marker that needs escaping. */
  function paged(key: string, items: readonly unknown[]): Answer {
    return (req, res) => {
      const { searchParams } = new URL(req.url ?? '', 'http://x')
      const start = Number((searchParams.get('marker') ?? 'at:/ 0').replace('at:/ ', ''))
      const next = start + 2 < items.length ? `at:/ ${start + 2}` : null
      res.end(JSON.stringify({ [key]: items.slice(start, start + 2), Marker: next }))
    }
  }

  it('lists all parts over all pages', async () => {
    await using glacier = server.connect()
    server.answer = paged('Parts', parts)
    const found = await Array.fromAsync(glacier.listParts(upload, never))
    assert.equal(server.requests.length, 4)
    assert.deepEqual(
      found,
      parts.map((_, index) => ({
        range: { start: index * MIB, end: (index + 1) * MIB },
        treeHash: String(index).repeat(64),
      })),
    )
  })

  it('lists all uploads and vaults over all pages, with dates in either form', async () => {
    await using glacier = server.connect()
    const uploads = ['2026-11-23T12:00:00.123Z', '2026-11-23T12:00:00Z', '2012-03-20T17:03:43.221Z']
    server.answer = paged(
      'UploadsList',
      uploads.map((CreationDate, index) => ({
        MultipartUploadId: `-id${index}`,
        CreationDate,
        PartSizeInBytes: MIB,
        ArchiveDescription: index === 1 ? null : `text ${index}`,
        VaultARN: 'arn',
      })),
    )
    const found = await Array.fromAsync(glacier.listUploads('photos', never))
    assert.deepEqual(
      found.map((one) => one.description),
      ['text 0', null, 'text 2'],
    )
    assert.deepEqual(
      found.map((one) => one.createdAtMs),
      uploads.map(Date.parse),
    )
    server.answer = paged(
      'VaultList',
      ['a', 'b', 'c'].map((name) => ({
        VaultName: name,
        VaultARN: `arn:${name}`,
        CreationDate: '2026-11-23T12:00:00.000Z',
        NumberOfArchives: 3,
        SizeInBytes: 4,
      })),
    )
    const vaults = await Array.fromAsync(glacier.listVaults(never))
    assert.deepEqual(
      vaults.map((vault) => vault.name),
      ['a', 'b', 'c'],
    )
    assert.equal(server.requests[3]?.url, '/-/vaults?marker=at%3A%2F%202')
  })

  it('refuses lists that Glacier cannot have made', async () => {
    await using glacier = server.connect()
    const one = (part: object): Answer => json(200, { Parts: [part], Marker: null })
    const wrong: readonly Answer[] = [
      json(200, { Parts: [parts[1], parts[0]], Marker: null }),
      json(200, { Parts: [parts[0], parts[0]], Marker: null }),
      json(200, { Parts: [parts[0]], Marker: 'the same again' }),
      one({ ...parts[0], RangeInBytes: 'bytes 0-1' }),
      one({ ...parts[0], RangeInBytes: '5-4' }),
      one({ ...parts[0], RangeInBytes: null }),
      one({ ...parts[0], SHA256TreeHash: 'short' }),
      json(200, { Marker: null }),
      json(200, { Parts: null, Marker: null }),
      page(200, '<html>welcome</html>'),
      page(204, ''),
    ]
    for (const given of wrong) {
      server.answer = given
      const listing = Array.fromAsync(glacier.listParts(upload, never))
      await assert.rejects(listing, hasCode('GLACIER_UNAVAILABLE'))
    }
    server.answer = json(200, {
      UploadsList: [{ MultipartUploadId: 'x', CreationDate: 'yesterday', PartSizeInBytes: MIB }],
    })
    const uploads = Array.fromAsync(glacier.listUploads('photos', never))
    await assert.rejects(uploads, hasCode('GLACIER_UNAVAILABLE'))
  })
})
