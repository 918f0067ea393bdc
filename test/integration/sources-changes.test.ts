import assert from 'node:assert/strict'
import {
  appendFile,
  link,
  open,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { MIB, type SourcePin } from '@firn/core'
import type { Sources } from '@firn/sources'
import {
  bytesOf,
  data,
  file,
  hasCode,
  never,
  openSourceFolders,
  type SourceFolders,
} from './sources-folders.ts'

let folders: SourceFolders
let sources: Sources
before(async () => {
  folders = await openSourceFolders()
  sources = folders.reader(16 * MIB)
})
after(() => folders[Symbol.asyncDispose]())

describe('createSources(): a source that changes', () => {
  type Change = (path: string) => Promise<unknown>
  const sameSize = async (path: string) => {
    await using handle = await open(path, 'r+')
    await handle.write(Buffer.from('changed'), 0, 7, 0)
  }
  const changes: readonly (readonly [string, Change])[] = [
    ['truncated', (path) => truncate(path, 10)],
    ['grown', (path) => appendFile(path, 'x')],
    ['rewritten in place with the same size', sameSize],
    [
      'rewritten in place and its time put back',
      async (path) => {
        const { atime, mtime } = await stat(path)
        await sameSize(path)
        await utimes(path, atime, mtime)
      },
    ],
    [
      'replaced by rename with the same bytes',
      async (path) => {
        await writeFile(`${path}.new`, data)
        await rename(`${path}.new`, path)
      },
    ],
  ]
  for (const [what, change] of changes) {
    it(`is SOURCE_CHANGED when it is ${what}, before and during a part`, async () => {
      const path = await folders.aFile()
      const small = folders.reader(2 * MIB)
      const pin = await small.inspect(file(path), never)
      const range = { start: 0, end: MIB }
      await using held = await small.openPart({ source: file(path), pin, range }, never)
      await held.verify()
      await change(path)
      await assert.rejects(held.verify(), hasCode('SOURCE_CHANGED'))
      const input = { source: file(path), pin, range }
      await assert.rejects(small.openPart(input, never), hasCode('SOURCE_CHANGED'))
      await assert.rejects(small.hashWhole(input, never), hasCode('SOURCE_CHANGED'))
    })
  }

  it('is SOURCE_NOT_FOUND once it was deleted', async () => {
    const path = await folders.aFile()
    const pin = await sources.inspect(file(path), never)
    await rm(path)
    const input = { source: file(path), pin, range: { start: 0, end: 1 } }
    await assert.rejects(sources.openPart(input, never), hasCode('SOURCE_NOT_FOUND'))
  })

  it('fails a stream that reaches the end too early, instead of sending less', async () => {
    const path = await folders.aFile()
    const small = folders.reader(MIB)
    const pin = await small.inspect(file(path), never)
    const range = { start: 0, end: data.length }
    await using part = await small.openPart({ source: file(path), pin, range }, never)
    await truncate(path, 3 * MIB)
    await assert.rejects(bytesOf(part), hasCode('SOURCE_CHANGED'))
  })

  it('does not mind another device number, which differs between machines', async () => {
    const path = await folders.aFile()
    const pin: SourcePin = { ...(await sources.inspect(file(path), never)), device: '7' }
    const input = { source: file(path), pin, range: { start: 0, end: 1 } }
    await using part = await sources.openPart(input, never)
    await part.verify()
  })

  it('minds a new name for the same bytes, since their change time moved', async () => {
    const path = await folders.aFile()
    const pin = await sources.inspect(file(path), never)
    await link(path, `${path}.link`)
    const input = { source: file(path), pin, range: { start: 0, end: 1 } }
    await assert.rejects(sources.openPart(input, never), hasCode('SOURCE_CHANGED'))
  })
})
