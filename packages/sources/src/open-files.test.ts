import assert from 'node:assert/strict'
import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it, mock } from 'node:test'
import type { SourcePin } from '@firn/core'
import { createOpenFiles } from './open-files.ts'

const pin: SourcePin = { sizeBytes: 1, device: '1', inode: '1', mtimeNs: '1', ctimeNs: '1' }
const LONG_MS = 60_000

let folder: string
let path: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firn-open-files-'))
  path = join(folder, 'file')
  await writeFile(path, 'x')
})
after(() => rm(folder, { recursive: true }))

/** Opens real files and remembers them. */
function counting(limits: { readonly idleMs: number; readonly ageMaxMs: number }) {
  const opened: FileHandle[] = []
  const files = createOpenFiles({
    ...limits,
    async open(name) {
      const handle = await open(name)
      opened.push(handle)
      return handle
    },
  })
  return { files, opened, openCount: () => opened.filter((handle) => handle.fd >= 0).length }
}

async function until(condition: () => boolean): Promise<void> {
  for (let turns = 0; !condition(); turns++) {
    assert.ok(turns < 2000, 'the condition did not come true')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('createOpenFiles()', () => {
  it('opens a version once for all who read it at a time and soon after', async () => {
    const { files, opened, openCount } = counting({ idleMs: LONG_MS, ageMaxMs: LONG_MS })
    const loans = await Promise.all([files.borrow(path, pin), files.borrow(path, pin)])
    assert.equal(loans[0].handle, loans[1].handle)
    for (const loan of loans) await loan[Symbol.asyncDispose]()
    await using again = await files.borrow(path, pin)
    assert.equal(again.handle, opened[0])
    assert.equal(openCount(), 1)
  })

  it('never lends a file that was opened for another version', async () => {
    const { files, openCount } = counting({ idleMs: LONG_MS, ageMaxMs: LONG_MS })
    await using one = await files.borrow(path, pin)
    for (const other of [{ inode: '2' }, { ctimeNs: '2' }, { mtimeNs: '2' }, { sizeBytes: 2 }]) {
      await using two = await files.borrow(path, { ...pin, ...other })
      assert.notEqual(two.handle, one.handle)
    }
    assert.equal(openCount(), 5)
  })

  it('closes a file that nobody has asked for in a while, and not one in use', async () => {
    const { files, openCount } = counting({ idleMs: 1, ageMaxMs: LONG_MS })
    const used = await files.borrow(path, pin)
    const idle = await files.borrow(path, { ...pin, inode: '2' })
    const twice = await files.borrow(path, pin)
    await idle[Symbol.asyncDispose]()
    await twice[Symbol.asyncDispose]()
    await twice[Symbol.asyncDispose]()
    await until(() => openCount() === 1)
    assert.ok(used.handle.fd >= 0)
    await used[Symbol.asyncDispose]()
    await until(() => openCount() === 0)
  })

  it('opens an old file anew, and closes it when its last reader is done', async () => {
    const { files, openCount } = counting({ idleMs: LONG_MS, ageMaxMs: 0 })
    const old = await files.borrow(path, pin)
    const anew = await files.borrow(path, pin)
    assert.notEqual(anew.handle, old.handle)
    for (const loan of [old, anew]) {
      assert.ok(loan.handle.fd >= 0)
      await loan[Symbol.asyncDispose]()
      assert.equal(loan.handle.fd, -1)
    }
    assert.equal(openCount(), 0)
  })

  it('lends a file that somebody could not read to nobody else, and closes it', async () => {
    const { files } = counting({ idleMs: LONG_MS, ageMaxMs: LONG_MS })
    const broken = await files.borrow(path, pin)
    broken.discard()
    await using anew = await files.borrow(path, pin)
    assert.notEqual(anew.handle, broken.handle)
    await broken[Symbol.asyncDispose]()
    assert.equal(broken.handle.fd, -1)
    assert.ok(anew.handle.fd >= 0)
  })

  it('tries again after a file that could not be opened', async () => {
    const { files } = counting({ idleMs: LONG_MS, ageMaxMs: LONG_MS })
    const late = join(folder, 'late')
    const attempts = [files.borrow(late, pin), files.borrow(late, pin)]
    for (const { status } of await Promise.allSettled(attempts)) assert.equal(status, 'rejected')
    await writeFile(late, 'x')
    await using loan = await files.borrow(late, pin)
    assert.ok(loan.handle.fd >= 0)
  })

  it('refuses, and no more, when the file is gone while the old one of it closes slowly', async () => {
    const late = join(folder, 'gone')
    await writeFile(late, 'x')
    const closing = Promise.withResolvers<void>()
    const files = createOpenFiles({
      idleMs: LONG_MS,
      ageMaxMs: 1000,
      async open(name) {
        const handle = await open(name)
        const close = handle.close.bind(handle)
        return Object.assign(handle, { close: () => closing.promise.then(close) })
      },
    })
    let nowMs = 0
    mock.method(performance, 'now', () => nowMs)
    const old = await files.borrow(late, pin)
    await old[Symbol.asyncDispose]()
    nowMs = 1000
    await rm(late)
    const unhandled: unknown[] = []
    const note = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', note)
    const refused = assert.rejects(files.borrow(late, pin), { code: 'ENOENT' })
    await new Promise((resolve) => setTimeout(resolve, 50))
    closing.resolve()
    await refused
    process.off('unhandledRejection', note)
    mock.restoreAll()
    assert.deepEqual(unhandled, [])
  })
})
