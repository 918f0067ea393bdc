import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB, treeHash } from '@firn/core'
import fc from 'fast-check'
import { assembleParts } from './assembly.ts'
import type { StoredPart } from './part-file.ts'

const P = 2 * MIB

function aPart(index: number, bytes: Uint8Array): StoredPart {
  const hex = treeHash(bytes).toString('hex')
  return { index, version: index + 1, sizeBytes: bytes.length, treeHash: hex }
}

function cut(data: Uint8Array): StoredPart[] {
  const parts: StoredPart[] = []
  for (let at = 0; at < data.length; at += P) {
    parts.push(aPart(at / P, data.subarray(at, at + P)))
  }
  return parts
}

const data = Buffer.alloc(2 * P + MIB + 9, 'a')
const claim = { sizeBytes: data.length, treeHash: treeHash(data).toString('hex') }

describe('assembleParts()', () => {
  it('accepts parts that make the claimed archive, from their hashes alone', () => {
    const assembly = assembleParts(cut(data), P, claim)
    assert.equal(assembly.kind, 'sound')
  })

  it('refuses no parts at all', () => {
    assert.deepEqual(assembleParts([], P, claim), { kind: 'empty' })
  })

  it('names the first missing range, whether a part is absent or too short', () => {
    const [, second, third] = cut(data)
    assert.deepEqual(assembleParts([undefined, second, third], P, claim), {
      kind: 'gap',
      first: 0,
      last: P - 1,
    })
    const [first] = cut(data)
    const short = aPart(1, data.subarray(0, 10))
    assert.deepEqual(assembleParts([first, short, third], P, claim), {
      kind: 'gap',
      first: P + 10,
      last: 2 * P - 1,
    })
  })

  it('refuses a wrong size before a wrong hash', () => {
    const assembly = assembleParts(cut(data), P, { sizeBytes: 5, treeHash: '00' })
    assert.deepEqual(assembly, { kind: 'wrong-size', sizeBytes: data.length })
  })

  it('refuses a wrong hash', () => {
    const assembly = assembleParts(cut(data), P, { ...claim, treeHash: '0'.repeat(64) })
    assert.deepEqual(assembly, { kind: 'wrong-hash', treeHash: claim.treeHash })
  })

  it('is sound for any bytes cut in any part size, and only with all of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 * P }), fc.nat(), (sizeBytes, seed) => {
        const bytes = Buffer.alloc(sizeBytes, `${seed}`)
        const whole = { sizeBytes, treeHash: treeHash(bytes).toString('hex') }
        const parts: (StoredPart | undefined)[] = cut(bytes)
        assert.equal(assembleParts(parts, P, whole).kind, 'sound')
        parts[seed % parts.length] = undefined
        assert.notEqual(assembleParts(parts, P, whole).kind, 'sound')
      }),
      { numRuns: 20 },
    )
  })
})
