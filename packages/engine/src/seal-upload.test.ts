import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { partTreeHashes } from './seal-upload.ts'

describe('partTreeHashes()', () => {
  const plan = { sizeBytes: 3, partSizeBytes: 2, partCount: 2 }
  const table = { attempts: [1, 1], workers: [null, null] }
  const bitmap = Uint8Array.of(0b1100_0000)

  it('gives the hash of each part in order', () => {
    const treeHashes = Buffer.concat([Buffer.alloc(32, 1), Buffer.alloc(32, 2)])
    const hashes = partTreeHashes({ ...table, bitmap, treeHashes }, plan)
    assert.deepEqual(hashes, [Buffer.alloc(32, 1), Buffer.alloc(32, 2)])
  })

  it('knows none while a part is missing, or when Redis lost the hashes after the bits', () => {
    const treeHashes = Buffer.alloc(64)
    const bits = Uint8Array.of(0b1000_0000)
    assert.equal(partTreeHashes({ ...table, bitmap: bits, treeHashes }, plan), undefined)
    const lost = { ...table, bitmap, treeHashes: Buffer.alloc(0) }
    assert.equal(partTreeHashes(lost, plan), undefined)
  })
})
