import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { MIB, treeHash } from '@firn/core'
import type { Sources } from '@firn/sources'
import {
  bytesOf,
  data,
  file,
  never,
  openSourceFolders,
  type SourceFolders,
} from './sources-folders.ts'

let folders: SourceFolders
let sources: Sources
let root: string
before(async () => {
  folders = await openSourceFolders()
  sources = folders.reader(16 * MIB)
  ;({ root } = folders)
})
after(() => folders[Symbol.asyncDispose]())

const hashesOf = (bytes: Uint8Array) => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  treeHash: treeHash(bytes).toString('hex'),
})

describe('createSources(): bytes', () => {
  it('reads parts of any range, held in memory or streamed, with both hashes of their bytes', async () => {
    const path = await folders.aFile()
    const small = folders.reader(2 * MIB)
    const pin = await sources.inspect(file(path), never)
    const ranges = [
      { start: 0, end: 1 },
      { start: 0, end: data.length },
      { start: MIB - 1, end: 4 * MIB + 1 },
      { start: data.length - 1, end: data.length },
    ]
    for (const range of ranges) {
      for (const reader of [sources, small]) {
        await using part = await reader.openPart({ source: file(path), pin, range }, never)
        const bytes = data.subarray(range.start, range.end)
        assert.deepEqual({ sha256: part.sha256, treeHash: part.treeHash }, hashesOf(bytes))
        assert.ok(bytes.equals(await bytesOf(part)))
        await part.verify()
      }
    }
    await using streamed = await small.openPart(
      { source: file(path), pin, range: ranges[1]! },
      never,
    )
    assert.ok(!(streamed.body instanceof Uint8Array))
    assert.deepEqual(await sources.hashWhole({ source: file(path), pin }, never), hashesOf(data))
  })

  it('lends the memory of a part again only after the part was disposed of', async () => {
    const path = await folders.aFile()
    const tight = folders.reader(2 * MIB)
    const pin = await tight.inspect(file(path), never)
    const at = (start: number) =>
      tight.openPart({ source: file(path), pin, range: { start, end: start + 2 * MIB } }, never)
    const first = await at(0)
    let isOpen = false
    const second = at(2 * MIB).then((part) => {
      isOpen = true
      return part
    })
    const impatient = new AbortController()
    const third = tight.openPart(
      { source: file(path), pin, range: { start: 0, end: 2 * MIB } },
      impatient.signal,
    )
    impatient.abort(new Error('shutting down'))
    await assert.rejects(third, /shutting down/)
    await tight.hashWhole({ source: file(path), pin }, never)
    assert.equal(isOpen, false)
    assert.ok(data.subarray(0, 2 * MIB).equals(await bytesOf(first)))
    await first[Symbol.asyncDispose]()
    await using opened = await second
    assert.ok(data.subarray(2 * MIB, 4 * MIB).equals(await bytesOf(opened)))
  })

  it('gives back memory and file when a part is aborted while it is being hashed', async () => {
    const path = join(root, 'endless')
    await using endless = await open(path, 'w')
    const sizeBytes = 1024 * 1024 * MIB
    await endless.truncate(sizeBytes)
    const tight = folders.reader(2 * MIB)
    const pin = await tight.inspect(file(path), never)
    const abort = new AbortController()
    const range = { start: 0, end: sizeBytes }
    const opening = tight.openPart({ source: file(path), pin, range }, abort.signal)
    abort.abort(new Error('cancelled'))
    await assert.rejects(opening, /cancelled/)
    await using part = await tight.openPart(
      { source: file(path), pin, range: { start: 0, end: 2 * MIB } },
      never,
    )
    assert.equal((await bytesOf(part)).length, 2 * MIB)
  })

  it('stops a stream in the middle without harm to its file', async () => {
    const path = await folders.aFile()
    const small = folders.reader(MIB)
    const pin = await small.inspect(file(path), never)
    const range = { start: 0, end: data.length }
    const part = await small.openPart({ source: file(path), pin, range }, never)
    assert.ok(!(part.body instanceof Uint8Array))
    for await (const chunk of part.body) {
      assert.ok(chunk.length > 0)
      break
    }
    await part[Symbol.asyncDispose]()
    const again = await small.openPart({ source: file(path), pin, range }, never)
    const { body } = again
    assert.ok(!(body instanceof Uint8Array))
    body.read()
    await again[Symbol.asyncDispose]()
    assert.ok(body.destroyed)
  })
})
