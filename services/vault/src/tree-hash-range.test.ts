import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import fc from 'fast-check'
import { isMegabyteAligned, isTreeHashAligned, parseInclusiveRange } from './tree-hash-range.ts'

/** Every range of leaves below some node of a tree that is built level by level. */
function nodesByHand(leafCount: number): Set<string> {
  const found = new Set<string>()
  let level = Array.from({ length: leafCount }, (_, leaf) => ({ p: leaf, q: leaf + 1 }))
  for (;;) {
    for (const { p, q } of level) found.add(`${p},${q}`)
    if (level.length === 1) return found
    const above: { p: number; q: number }[] = []
    for (let at = 0; at < level.length; at += 2) {
      const left = level[at]
      const right = level[at + 1] ?? left
      if (left !== undefined && right !== undefined) above.push({ p: left.p, q: right.q })
    }
    level = above
  }
}

function alignedLeaves(leafCount: number, sizeBytes: number): Set<string> {
  const found = new Set<string>()
  for (let p = 0; p < leafCount; p += 1) {
    for (let q = p + 1; q <= leafCount; q += 1) {
      const range = { first: p * MIB, last: Math.min(q * MIB, sizeBytes) - 1 }
      if (isTreeHashAligned(range, sizeBytes)) found.add(`${p},${q}`)
    }
  }
  return found
}

describe('isTreeHashAligned()', () => {
  it('holds for exactly the 13 ranges of an archive of 6.5 MiB', () => {
    const expected = '0,1 0,2 0,4 0,7 1,2 2,3 2,4 3,4 4,5 4,6 4,7 5,6 6,7'.split(' ')
    assert.deepEqual([...alignedLeaves(7, 6.5 * MIB)].sort(), expected.sort())
  })

  it('holds for the nodes of the tree and nothing else, for every size up to 69 leaves', () => {
    for (let leafCount = 1; leafCount < 70; leafCount += 1) {
      const sizeBytes = leafCount * MIB - 17
      assert.deepEqual(
        [...alignedLeaves(leafCount, sizeBytes)].sort(),
        [...nodesByHand(leafCount)].sort(),
        `${leafCount} leaves`,
      )
    }
  })

  it('does not hold off the boundaries of leaves', () => {
    fc.assert(
      fc.property(fc.nat(10 * MIB - 1), fc.nat(10 * MIB - 1), (a, b) => {
        const range = { first: Math.min(a, b), last: Math.max(a, b) }
        const isOff =
          range.first % MIB !== 0 || ((range.last + 1) % MIB !== 0 && range.last !== 10 * MIB - 1)
        assert.ok(!isOff || !isTreeHashAligned(range, 10 * MIB))
      }),
    )
  })
})

describe('isMegabyteAligned()', () => {
  it('lets a range end at the end of the archive', () => {
    assert.ok(isMegabyteAligned({ first: MIB, last: 2 * MIB + 4 }, 2 * MIB + 5))
    assert.ok(!isMegabyteAligned({ first: MIB, last: 2 * MIB + 3 }, 2 * MIB + 5))
    assert.ok(!isMegabyteAligned({ first: 1, last: 2 * MIB + 4 }, 2 * MIB + 5))
  })
})

describe('parseInclusiveRange()', () => {
  it('reads two offsets', () => {
    assert.deepEqual(parseInclusiveRange('0-1048575'), { first: 0, last: 1_048_575 })
  })

  it('refuses what is not two offsets in order', () => {
    for (const text of ['', '-', '1-0', '0-', '-5', 'bytes=0-1', '0-1/2', ' 0-1', '0x0-1']) {
      assert.equal(parseInclusiveRange(text), undefined, text)
    }
  })
})
