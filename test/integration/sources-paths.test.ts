import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, rename, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AppError, MIB } from '@firn/core'
import type { Sources } from '@firn/sources'
import {
  data,
  file,
  hasCode,
  never,
  openSourceFolders,
  type SourceFolders,
} from './sources-folders.ts'

let folders: SourceFolders
let sources: Sources
let base: string
let root: string
let outside: string
before(async () => {
  folders = await openSourceFolders()
  sources = folders.reader(16 * MIB)
  ;({ base, root, outside } = folders)
})
after(() => folders[Symbol.asyncDispose]())

describe('createSources(): which files', () => {
  it('pins the size, the inode and both times of a regular file', async () => {
    const path = await folders.aFile()
    const { dev, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    assert.deepEqual(await sources.inspect(file(path), never), {
      sizeBytes: data.length,
      device: String(dev),
      inode: String(ino),
      mtimeNs: String(mtimeNs),
      ctimeNs: String(ctimeNs),
    })
  })

  it('refuses what is not a regular file, at once', async () => {
    const fifo = join(root, 'fifo')
    execFileSync('mkfifo', [fifo])
    const socket = join(root, 'socket')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    for (const path of [fifo, socket, root, join(root, '.')]) {
      await assert.rejects(
        sources.inspect(file(path), never),
        hasCode('SOURCE_NOT_REGULAR', 'SOURCE_NOT_ALLOWED'),
      )
    }
    await new Promise((resolve) => server.close(resolve))
    const device = join(root, 'zero')
    try {
      execFileSync('mknod', [device, 'c', '1', '5'], { stdio: 'ignore' })
    } catch {
      return // Only root makes devices.
    }
    await assert.rejects(sources.inspect(file(device), never), hasCode('SOURCE_NOT_REGULAR'))
  })

  it("refuses the kernel's own trees even when every path is allowed", async () => {
    const anywhere = folders.reader(MIB, ['/'])
    for (const path of ['/dev/zero', '/proc/self/environ', '/sys/kernel/mm/ksm/run']) {
      await assert.rejects(anywhere.inspect(file(path), never), hasCode('SOURCE_NOT_ALLOWED'))
    }
    const path = await folders.aFile()
    assert.equal((await anywhere.inspect(file(path), never)).sizeBytes, data.length)
  })

  it('refuses every way out of the roots in the same words, whatever is there', async () => {
    await symlink(outside, join(root, 'way-out'))
    await symlink(join(outside, 'secret'), join(root, 'link-out'))
    await symlink(join(outside, 'absent'), join(root, 'dangling'))
    await symlink(join(outside, 'absent'), join(root, 'dangling-way'))
    await symlink(join(root, 'loop'), join(root, 'loop'))
    const paths = [
      join(outside, 'secret'),
      join(outside, 'absent'),
      join(root, '..', 'outside', 'secret'),
      `${root}-neighbour/x`,
      join(root, 'way-out', 'secret'),
      join(root, 'way-out', 'absent'),
      join(root, 'way-out', 'absent', 'deeper'),
      join(root, 'link-out'),
      join(root, 'dangling'),
      join(root, 'dangling-way', 'x'),
      join(root, 'loop'),
      'root/relative',
      `${root}/nul\0byte`,
      '',
    ]
    const texts = new Set<string>()
    for (const path of paths) {
      await assert.rejects(sources.inspect(file(path), never), (error) => {
        assert.ok(hasCode('SOURCE_NOT_ALLOWED')(error), path)
        texts.add(String(error).replace(JSON.stringify(path), 'PATH'))
        return true
      })
    }
    assert.equal(texts.size, 1)
  })

  it('follows directory links that stay inside, and a root that is itself a link', async () => {
    await mkdir(join(root, '2026'), { recursive: true })
    await writeFile(join(root, '2026', 'file'), data)
    await symlink('2026', join(root, 'current'))
    const byLink = join(root, 'current', 'file')
    assert.equal((await sources.inspect(file(byLink), never)).sizeBytes, data.length)
    await symlink(root, join(base, 'alias'))
    const aliased = folders.reader(MIB, [join(base, 'alias')])
    for (const path of [join(base, 'alias', '2026', 'file'), join(root, '2026', 'file')]) {
      assert.equal((await aliased.inspect(file(path), never)).sizeBytes, data.length)
    }
  })

  it('serves a root that appears after it was created', async () => {
    const late = join(base, 'late')
    const lateSources = folders.reader(MIB, [late])
    const path = join(late, 'file')
    await assert.rejects(
      lateSources.inspect(file(path), never),
      hasCode('SOURCE_NOT_FOUND', 'SOURCE_NOT_ALLOWED'),
    )
    await mkdir(late)
    await writeFile(path, data)
    assert.equal((await lateSources.inspect(file(path), never)).sizeBytes, data.length)
  })

  it('tells empty, missing and forbidden files apart from what is outside', async () => {
    await assert.rejects(
      sources.inspect(file(await folders.aFile(Buffer.alloc(0))), never),
      hasCode('SOURCE_EMPTY'),
    )
    for (const path of [join(root, 'absent'), join(root, 'absent', 'deeper', 'file')]) {
      await assert.rejects(sources.inspect(file(path), never), hasCode('SOURCE_NOT_FOUND'))
    }
    const name = join(root, 'x'.repeat(300))
    await assert.rejects(sources.inspect(file(name), never), hasCode('SOURCE_NOT_FOUND'))
    if (process.getuid?.() === 0) return // Root may read everything.
    const forbidden = await folders.aFile()
    await chmod(forbidden, 0)
    await assert.rejects(sources.inspect(file(forbidden), never), hasCode('SOURCE_NOT_FOUND'))
  })

  it('never reads what lies outside while a directory is being swapped for a link', async () => {
    const inside = join(root, 'swapped')
    const aside = join(root, 'aside')
    const trap = join(root, 'trap')
    await mkdir(inside)
    await writeFile(join(inside, 'secret'), 'harmless')
    await symlink(outside, trap)
    let isSwapping = true
    const swapping = (async () => {
      for (let round = 0; isSwapping; round++) {
        // Shifts how the renames fall between the steps of opening.
        for (let turns = round % 7; turns > 0; turns--) await new Promise(setImmediate)
        await rename(inside, aside)
        await rename(trap, inside)
        for (let turns = round % 5; turns > 0; turns--) await new Promise(setImmediate)
        await rename(inside, trap)
        await rename(aside, inside)
      }
    })()
    const outcomes = new Set<string | number>()
    for (let round = 0; round < 500; round++) {
      const seen = sources.inspect(file(join(inside, 'secret')), never)
      outcomes.add(
        await seen.then(
          (pin) => pin.sizeBytes,
          (error: unknown) => (error instanceof AppError ? error.code : String(error)),
        ),
      )
    }
    isSwapping = false
    await swapping
    for (const outcome of outcomes) {
      assert.ok(['harmless'.length, 'SOURCE_NOT_ALLOWED', 'SOURCE_NOT_FOUND'].includes(outcome))
    }
    assert.ok(outcomes.has('harmless'.length) && outcomes.has('SOURCE_NOT_ALLOWED'))
  })
})
