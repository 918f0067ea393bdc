import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { MIB, treeHash } from '@firn/core'
import fc from 'fast-check'
import { createFileHasher } from './file-hasher.ts'

function hashesOf(data: Uint8Array, chunkBytes: number) {
  const hasher = createFileHasher()
  for (let at = 0; at < data.length; at += chunkBytes) {
    hasher.update(data.subarray(at, at + chunkBytes))
  }
  return hasher.finish()
}

describe('createFileHasher()', () => {
  it('agrees with what the live service answered for 256 KiB of "0"', () => {
    assert.equal(
      hashesOf(Buffer.alloc(256 * 1024, '0'), 65_536).treeHash,
      '6faefade5a638cd3545d638dd5754763658e32209e69420cb559b7650d4bf93a',
    )
  })

  it('agrees with the SDKs on 5.5 MiB of "0"', () => {
    const { sha256, treeHash: tree } = hashesOf(Buffer.alloc(5.5 * MIB, '0'), 65_536)
    assert.equal(tree, '154e26c78fd74d0c2c9b3cc4644191619dc4f2cd539ae2a74d5fd07957a3ee6a')
    assert.equal(sha256, '68aff0c5a91aa0491752bfb96e3fef33eb74953804f6a2f7b708d5bcefa8ff6b')
  })

  it('has the hash of nothing for no bytes, and one leaf', () => {
    const { sha256, treeHash: tree, leaves } = createFileHasher().finish()
    assert.equal(tree, hash('sha256', ''))
    assert.equal(sha256, tree)
    assert.equal(leaves.length, 32)
  })

  it('does not depend on how the bytes are cut', () => {
    const data = Buffer.alloc(3 * MIB + 5)
    for (let at = 0; at < data.length; at += 4)
      data.writeUInt32LE(at * 7 + 1, Math.min(at, data.length - 4))
    const leafCount = 4
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 2 * MIB }), (chunkBytes) => {
        const hashes = hashesOf(data, chunkBytes)
        assert.equal(hashes.sha256, hash('sha256', data))
        assert.equal(hashes.treeHash, treeHash(data).toString('hex'))
        assert.equal(hashes.leaves.length, leafCount * 32)
      }),
      { numRuns: 8 },
    )
  })
})
