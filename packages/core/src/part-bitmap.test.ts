import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasPart, missingParts } from './part-bitmap.ts'

/** Parts 0, 2 and 9, as SETBIT 0, 2, 9 leave them. */
const bitmap = Uint8Array.of(0b1010_0000, 0b0100_0000)

describe('hasPart()', () => {
  it('reads bits in the order of SETBIT, and 0 past the end', () => {
    const set = Array.from({ length: 40 }, (_, index) => index).filter((i) => hasPart(bitmap, i))
    assert.deepEqual(set, [0, 2, 9])
  })
})

describe('missingParts()', () => {
  it('lists the parts of a range that are not set, up to a limit', () => {
    assert.deepEqual(missingParts(bitmap, { start: 0, end: 10, limit: 100 }), [1, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(missingParts(bitmap, { start: 2, end: 10, limit: 2 }), [3, 4])
    assert.deepEqual(missingParts(bitmap, { start: 0, end: 1, limit: 2 }), [])
  })
})
