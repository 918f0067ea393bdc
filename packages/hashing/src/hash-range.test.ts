import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { AppError, MIB, treeHash } from '@firn/core'
import fc from 'fast-check'
import { pinFromStats } from './file-pin.ts'
import { hashRange } from './hash-range.ts'

const size = 5 * MIB + 77
const data = Buffer.alloc(size)
for (let at = 0; at + 4 <= size; at += 4) data.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at)
const scratch = Buffer.alloc(MIB)
const never = () => false
const pinOf = (file: number) => pinFromStats(fstatSync(file, { bigint: true }))

let folder: string
let fd: number
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'firn-hash-range-'))
  writeFileSync(join(folder, 'data'), data)
  fd = openSync(join(folder, 'data'), 'r')
})
after(() => {
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

/** Offsets that sit on, just before or just after the edges of blocks, and any other. */
const offset = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: -2, max: 2 }))
    .map(([block, shift]) => Math.min(size, Math.max(0, block * MIB + shift))),
  fc.integer({ min: 0, max: size }),
)

describe('hashRange()', () => {
  it('computes what node:crypto and the core compute, for any range, and delivers its bytes', () => {
    fc.assert(
      fc.property(offset, offset, fc.boolean(), (one, two, isWanted) => {
        const range = { start: Math.min(one, two), end: Math.max(one, two) }
        const bytes = data.subarray(range.start, range.end)
        const into = isWanted ? new Uint8Array(new SharedArrayBuffer(bytes.length + 3)) : null
        assert.deepEqual(hashRange({ fd, pin: pinOf(fd), range, into }, scratch, never), {
          sha256: createHash('sha256').update(bytes).digest('hex'),
          treeHash: treeHash(bytes).toString('hex'),
        })
        if (into) assert.ok(bytes.equals(into.subarray(0, bytes.length)))
      }),
      { numRuns: 40 },
    )
  })

  it('agrees with the tree hash that Glacier itself returned for 256 KiB of "0"', () => {
    const path = join(folder, 'zeros')
    writeFileSync(path, Buffer.alloc(256 * 1024, '0'))
    const zeros = openSync(path, 'r')
    try {
      const range = { start: 0, end: 256 * 1024 }
      const hashes = hashRange({ fd: zeros, pin: pinOf(zeros), range, into: null }, scratch, never)
      assert.equal(
        hashes?.treeHash,
        '6faefade5a638cd3545d638dd5754763658e32209e69420cb559b7650d4bf93a',
      )
    } finally {
      closeSync(zeros)
    }
  })

  it('says SOURCE_CHANGED when the file ends inside the range', () => {
    for (const start of [0, 5 * MIB, size, size + MIB]) {
      const range = { start, end: size + MIB + 1 }
      assert.throws(
        () => hashRange({ fd, pin: pinOf(fd), range, into: null }, scratch, never),
        (error) => error instanceof AppError && error.code === 'SOURCE_CHANGED',
      )
    }
  })

  it('says SOURCE_CHANGED when the file is another version before the read, or after it', () => {
    const path = join(folder, 'changing')
    writeFileSync(path, data)
    const changing = openSync(path, 'r')
    const isChanged = (error: unknown) =>
      error instanceof AppError && error.code === 'SOURCE_CHANGED'
    try {
      const input = {
        fd: changing,
        pin: pinOf(changing),
        range: { start: 0, end: MIB },
        into: null,
      }
      const change = () => {
        writeFileSync(path, data)
        return false
      }
      assert.throws(() => hashRange(input, scratch, change), isChanged)
      assert.throws(() => hashRange(input, scratch, never), isChanged)
    } finally {
      closeSync(changing)
    }
  })

  it('says SOURCE_UNREADABLE, with the cause, when the kernel refuses the read', () => {
    const directory = openSync(folder, 'r')
    try {
      const range = { start: 0, end: 10 }
      assert.throws(
        () =>
          hashRange({ fd: directory, pin: pinOf(directory), range, into: null }, scratch, never),
        (error) =>
          error instanceof AppError && error.code === 'SOURCE_UNREADABLE' && error.cause !== null,
      )
    } finally {
      closeSync(directory)
    }
  })

  it('stops at the next block once aborted', () => {
    let asked = 0
    const isAborted = () => asked++ === 2
    const range = { start: 0, end: size }
    assert.equal(
      hashRange({ fd, pin: pinOf(fd), range, into: null }, scratch, isAborted),
      undefined,
    )
    assert.equal(asked, 3)
  })
})
