import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MIB } from './limits.ts'
import { createTreeHashFold, foldTreeHash, treeHash } from './tree-hash.ts'

/** Vectors from outside: real Glacier, AWS's SDK tests and guides, boto's and jclouds' tests. */
const vectors: readonly (readonly [name: string, data: () => Buffer, hex: string])[] = [
  [
    'nothing',
    () => Buffer.alloc(0),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ],
  [
    '"Hello World"',
    () => Buffer.from('Hello World'),
    'a591a6d40bf420404a011733cfb7b190d62c65bf0bcda32b57b277d9ad9f146e',
  ],
  [
    '256 KiB of "0"',
    () => Buffer.alloc(MIB / 4, '0'),
    '6faefade5a638cd3545d638dd5754763658e32209e69420cb559b7650d4bf93a',
  ],
  [
    '1 MiB of "a"',
    () => Buffer.alloc(MIB, 'a'),
    '9bc1b2a288b26af7257a36277ae3816a7d4f16e89c1e7e77d0a5c48bad62b360',
  ],
  [
    '2 MiB of "a"',
    () => Buffer.alloc(2 * MIB, 'a'),
    '560c2c9333c719cb00cfdffee3ba293db17f58743cdd1f7e4055373ae6300afa',
  ],
  [
    '3 MiB of "a"',
    () => Buffer.alloc(3 * MIB, 'a'),
    '70239f4f2ead7561f69d48b956b547edef52a1280a93c262c0b582190be7db17',
  ],
  [
    '4 MiB of "a"',
    () => Buffer.alloc(4 * MIB, 'a'),
    '9491cb2ed1d4e7cd53215f4017c23ec4ad21d7050a1e6bb636c4f67e8cddb844',
  ],
  [
    '4 MiB + 20 bytes of "a"',
    () => Buffer.alloc(4 * MIB + 20, 'a'),
    '12f3cbd6101b981cde074039f6f728071da8879d6f632de8afc7cdf00661b08f',
  ],
  [
    '2.5 MiB of "0"',
    () => Buffer.alloc(2.5 * MIB, '0'),
    '86118ad0c187fd240db59a37360e0e7f8a3a0c608eed740b4cd7b4271ab45171',
  ],
  [
    '3 MiB of "0"',
    () => Buffer.alloc(3 * MIB, '0'),
    '940257b3e0d13f92c98dc3fc32182e3acd07a81fe82f2b2dcd1802e1eedc5a3c',
  ],
  [
    '4 MiB of "0"',
    () => Buffer.alloc(4 * MIB, '0'),
    '0c2c286faeadbb8ef7aab5e1198af77b1c00d6ff634a739f0e4d55ea3a40ad2d',
  ],
  [
    '5.5 MiB of "0"',
    () => Buffer.alloc(5.5 * MIB, '0'),
    '154e26c78fd74d0c2c9b3cc4644191619dc4f2cd539ae2a74d5fd07957a3ee6a',
  ],
  [
    '8 MiB of "0"',
    () => Buffer.alloc(8 * MIB, '0'),
    'ff9ea39186cb33cd5ade7aca078e297a1622f8c1abdd4cc47bcbf66dc5877e1f',
  ],
  [
    '4,608,000 zero bytes',
    () => Buffer.alloc(4_608_000),
    '3d760edb291bfc9d90d35809243de092aea4c47b308290ad12d084f69988ae0c',
  ],
  [
    '7 MiB of zero bytes',
    () => Buffer.alloc(7 * MIB),
    '091961d52b7a7681230b75c5652a1750690133b6762b02f012513265e80dde30',
  ],
]

const aLeaf = fc.uint8Array({ minLength: 32, maxLength: 32 })

/** The definition, level by level: what the fold must agree with. */
function byLevels(nodes: readonly Uint8Array[]): Uint8Array {
  let level = nodes
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let index = 0; index < level.length; index += 2) {
      const pair = level.slice(index, index + 2)
      const [only] = pair
      assert.ok(only)
      above.push(pair.length === 1 ? only : hash('sha256', Buffer.concat(pair), 'buffer'))
    }
    level = above
  }
  const [root] = level
  assert.ok(root)
  return root
}

describe('treeHash()', () => {
  for (const [name, data, hex] of vectors) {
    it(`agrees with the published hash of ${name}`, () => {
      assert.equal(treeHash(data()).toString('hex'), hex)
    })
  }

  it('is the linear SHA-256 up to one leaf', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (data) => {
        assert.deepEqual(treeHash(data), hash('sha256', data, 'buffer'))
      }),
    )
  })
})

describe('foldTreeHash()', () => {
  it('agrees with the definition, level by level', () => {
    fc.assert(
      fc.property(fc.array(aLeaf, { minLength: 1, maxLength: 300 }), (leaves) => {
        assert.deepEqual(foldTreeHash(leaves), Buffer.from(byLevels(leaves)))
      }),
    )
  })

  it('gives the archive hash from the hashes of parts of any power-of-two size', () => {
    const input = { leaves: fc.array(aLeaf, { minLength: 1, maxLength: 300 }), power: fc.nat(8) }
    fc.assert(
      fc.property(fc.record(input), ({ leaves, power }) => {
        const partLeaves = 2 ** power
        const parts: Buffer[] = []
        for (let start = 0; start < leaves.length; start += partLeaves) {
          parts.push(foldTreeHash(leaves.slice(start, start + partLeaves)))
        }
        assert.deepEqual(foldTreeHash(parts), foldTreeHash(leaves))
      }),
    )
  })

  it('depends on the order of the nodes', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(aLeaf, { minLength: 2, maxLength: 20, comparator: sameBytes }),
        (leaves) => {
          assert.notDeepEqual(foldTreeHash(leaves), foldTreeHash(leaves.toReversed()))
        },
      ),
    )
  })

  it('refuses to fold nothing, and nodes that are no digests', () => {
    assert.throws(() => foldTreeHash([]), /at least one node/)
    assert.throws(() => createTreeHashFold().push(new Uint8Array(31)), /31 bytes/)
  })

  it('stays usable after a root was taken', () => {
    const fold = createTreeHashFold()
    const leaves = ['a', 'b', 'c'].map((text) => hash('sha256', text, 'buffer'))
    for (const [index, leaf] of leaves.entries()) {
      fold.push(leaf)
      assert.deepEqual(fold.root(), foldTreeHash(leaves.slice(0, index + 1)))
    }
  })
})

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}
