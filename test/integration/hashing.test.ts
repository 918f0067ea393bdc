import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { fstatSync } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AppError, MIB, PART_SIZE_MAX_BYTES, treeHash } from '@firn/core'
import { type HashPool, openHashPool, pinFromStats } from '@firn/hashing'

const never = new AbortController().signal

/** So many bytes that hashing them takes longer than any of these tests, and yet a part. */
const ENDLESS_BYTES = PART_SIZE_MAX_BYTES

/** What the pool has to be told of an open file. */
function opened({ fd }: FileHandle) {
  return { fd, pin: pinFromStats(fstatSync(fd, { bigint: true })) }
}

function isAppError(code: AppError['code']): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code
}

describe('openHashPool()', () => {
  let folder: string
  let path: string
  let endlessPath: string
  const data = Buffer.alloc(3 * MIB + 5, 'firn')

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'firn-hashing-'))
    path = join(folder, 'data')
    await writeFile(path, data)
    endlessPath = join(folder, 'endless')
    await using endless = await open(endlessPath, 'w')
    await endless.truncate(100 * ENDLESS_BYTES)
  })
  after(() => rm(folder, { recursive: true }))

  const endless = { start: 0, end: ENDLESS_BYTES }

  it('hashes many ranges at once, more than it has threads', async () => {
    await using file = await open(path)
    await using pool = await openHashPool({ threads: 2 })
    const ranges = Array.from({ length: 20 }, (_, index) => ({ start: index, end: data.length }))
    const found = await Promise.all(
      ranges.map((range) => pool.hashFile({ ...opened(file), range, into: null }, never)),
    )
    for (const [index, hashes] of found.entries()) {
      const bytes = data.subarray(index)
      assert.equal(hashes.sha256, createHash('sha256').update(bytes).digest('hex'))
      assert.equal(hashes.treeHash, treeHash(bytes).toString('hex'))
    }
  })

  it("writes the bytes into the caller's memory", async () => {
    await using file = await open(path)
    await using pool = await openHashPool({ threads: 1 })
    const arena = new SharedArrayBuffer(8 * MIB)
    const into = new Uint8Array(arena, MIB, data.length)
    await pool.hashFile({ ...opened(file), range: { start: 0, end: data.length }, into }, never)
    assert.ok(data.equals(into))
    assert.ok(new Uint8Array(arena, 0, MIB).every((byte) => byte === 0))
  })

  it("rejects with the signal's reason and frees the thread when aborted in the middle", async () => {
    await using file = await open(endlessPath)
    await using short = await open(path)
    await using pool = await openHashPool({ threads: 1 })
    const abort = new AbortController()
    const input = { ...opened(file), range: endless, into: null }
    const running = pool.hashFile(input, abort.signal)
    const reason = new Error('cancelled')
    abort.abort(reason)
    await assert.rejects(running, reason)
    const next = { ...opened(short), range: { start: 0, end: 10 }, into: null }
    assert.equal((await pool.hashFile(next, never)).sha256.length, 64)
  })

  it('rejects at once what is aborted before its turn, and keeps the order of the others', async () => {
    await using file = await open(endlessPath)
    await using short = await open(path)
    await using pool = await openHashPool({ threads: 1 })
    const first = new AbortController()
    const running = pool.hashFile({ ...opened(file), range: endless, into: null }, first.signal)
    const order: string[] = []
    const wait = (name: string, signal: AbortSignal) =>
      pool
        .hashFile({ ...opened(short), range: { start: 0, end: 10 }, into: null }, signal)
        .then(() => order.push(name))
    const impatient = new AbortController()
    const waiting = [wait('a', never), wait('b', impatient.signal), wait('c', never)]
    impatient.abort(new Error('gone'))
    await assert.rejects(waiting[1]!, /gone/)
    assert.deepEqual(order, [])
    first.abort()
    await assert.rejects(running, { name: 'AbortError' })
    await Promise.all([waiting[0], waiting[2]])
    assert.deepEqual(order, ['a', 'c'])
    await assert.rejects(wait('d', AbortSignal.abort(new Error('late'))), /late/)
  })

  it('hashes parts while every file longer than a part is being hashed', async () => {
    await using file = await open(endlessPath)
    await using short = await open(path)
    await using pool = await openHashPool({ threads: 1 })
    const abort = new AbortController()
    const range = { start: 0, end: 100 * ENDLESS_BYTES }
    const files = Promise.allSettled(
      [1, 2, 3].map(() => pool.hashFile({ ...opened(file), range, into: null }, abort.signal)),
    )
    const part = { ...opened(short), range: { start: 0, end: 10 }, into: null }
    assert.equal((await pool.hashFile(part, never)).sha256.length, 64)
    abort.abort(new Error('cancelled'))
    for (const outcome of await files) assert.equal(outcome.status, 'rejected')
  })

  it('passes on what the thread found wrong with the file', async () => {
    await using file = await open(path)
    await using pool = await openHashPool({ threads: 1 })
    const hash = (start: number, end: number) =>
      pool.hashFile({ ...opened(file), range: { start, end }, into: null }, never)
    await assert.rejects(hash(0, data.length + 1), isAppError('SOURCE_CHANGED'))
    await using directory = await open(folder)
    await assert.rejects(
      pool.hashFile({ ...opened(directory), range: { start: 0, end: 1 }, into: null }, never),
      isAppError('SOURCE_UNREADABLE'),
    )
    assert.equal((await hash(0, 1)).treeHash.length, 64)
  })

  it('replaces a thread that died, and only its own task fails', async () => {
    await using file = await open(path)
    await using pool = await openHashPool({ threads: 1 })
    const hash = (start: number, end: number) =>
      pool.hashFile({ ...opened(file), range: { start, end }, into: null }, never)
    // A range that ends before it starts is a bug, and a bug kills the thread that meets it.
    const killing = hash(5, 1)
    const waiting = hash(0, 5)
    await assert.rejects(killing, isAppError('HASHING_FAILED'))
    assert.equal((await waiting).sha256.length, 64)
    await assert.rejects(hash(5, 1), isAppError('HASHING_FAILED'))
    assert.equal((await hash(0, 5)).sha256.length, 64)
  })

  it('rejects what runs and what waits when it is disposed of', async () => {
    await using file = await open(endlessPath)
    const pool: HashPool = await openHashPool({ threads: 1 })
    const input = { ...opened(file), range: endless, into: null }
    const tasks = [pool.hashFile(input, never), pool.hashFile(input, never)]
    const outcomes = Promise.allSettled(tasks)
    await pool[Symbol.asyncDispose]()
    for (const outcome of await outcomes) assert.equal(outcome.status, 'rejected')
    await assert.rejects(pool.hashFile(input, never), isAppError('HASHING_FAILED'))
  })
})
