import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createDirectoryMaker } from './directory-maker.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firn-directory-maker-'))
})
after(() => rm(folder, { recursive: true }))

/** As one process has it: it remembers what it has synced. */
function openMaker() {
  const syncs: string[] = []
  const make = createDirectoryMaker(async (path) => void syncs.push(path))
  return { make, syncs }
}

describe('createDirectoryMaker()', () => {
  it('syncs every entry that it made', async () => {
    const { make, syncs } = openMaker()
    await make(join(folder, 'a', 'b', 'c'))
    assert.deepEqual(syncs, [join(folder, 'a', 'b'), join(folder, 'a'), folder])
  })

  it('syncs an entry that another process made and may not have synced, once', async () => {
    const { make, syncs } = openMaker()
    await mkdir(join(folder, 'theirs'))
    await make(join(folder, 'theirs'))
    assert.deepEqual(syncs, [folder])
    for (let turn = 0; turn < 10; turn += 1) await make(join(folder, 'theirs'))
    assert.deepEqual(syncs, [folder])
  })

  it('lets none of those who make a directory at once go on before a sync', async () => {
    const path = join(folder, 'raced')
    const makers = Array.from({ length: 8 }, openMaker)
    await Promise.all(
      makers.map(async ({ make, syncs }) => {
        await make(path)
        assert.ok(syncs.length >= 1)
      }),
    )
  })

  it('syncs again after a sync that failed', async () => {
    const syncs: string[] = []
    const make = createDirectoryMaker(async (path) => {
      syncs.push(path)
      if (syncs.length === 1) throw new Error('input/output error')
    })
    await assert.rejects(make(join(folder, 'failed')), /input\/output error/)
    await make(join(folder, 'failed'))
    assert.deepEqual(syncs, [folder, folder])
  })

  it('goes on below a directory that it may not look into', async () => {
    const denied = Object.assign(new Error('denied'), { code: 'EACCES' })
    const make = createDirectoryMaker(() => Promise.reject(denied))
    await mkdir(join(folder, 'known'))
    await make(join(folder, 'known'))
    await assert.rejects(make(join(folder, 'new')), denied)
  })
})
