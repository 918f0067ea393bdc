import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { lockDataDir } from './data-dir-lock.ts'

const never = new AbortController().signal

describe('lockDataDir()', () => {
  let directory: string
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'firn-lock-'))
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('refuses a directory that a living process holds, and names it', async () => {
    await using _lock = await lockDataDir(directory, never)
    await assert.rejects(lockDataDir(directory, never), new RegExp(`process ${process.pid}`))
  })

  it('is free again once disposed', async () => {
    {
      await using _lock = await lockDataDir(directory, never)
    }
    await using _again = await lockDataDir(directory, never)
  })

  it('takes over from a process that is gone, and from one whose number is another one now', async () => {
    const file = join(directory, 'stack.lock')
    await writeFile(file, JSON.stringify([{ pid: process.pid, identity: 'an earlier boot' }]))
    await using _lock = await lockDataDir(directory, never)
    assert.match(await readFile(file, 'utf8'), new RegExp(`"pid":${process.pid}`))
  })

  it('takes over from what was cut short while it was written', async () => {
    await writeFile(join(directory, 'stack.lock'), '[{"pid":')
    await using _lock = await lockDataDir(directory, never)
  })

  it('waits for the process that stops what a killed owner left behind', async () => {
    const cleaner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    await once(cleaner, 'spawn')
    const file = join(directory, 'stack.lock')
    let written: string
    {
      await using lock = await lockDataDir(directory, never)
      await lock.addHolder(cleaner.pid!)
      written = await readFile(file, 'utf8')
    }
    const [, second]: unknown[] = JSON.parse(written)
    await writeFile(file, JSON.stringify([{ pid: 2 ** 22 + 1, identity: 'gone' }, second]))
    const waiting = lockDataDir(directory, never)
    const first = await Promise.race([
      waiting.then(() => 'locked'),
      once(cleaner.stdout, 'x', { signal: AbortSignal.timeout(300) }).catch(() => 'waits'),
    ])
    assert.equal(first, 'waits')
    cleaner.kill('SIGKILL')
    await using _lock = await waiting
  })
})
