import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parsePartFileName, partFileName } from './part-file.ts'

describe('part file names', () => {
  it('hold the whole part', () => {
    const part = fc.record(
      {
        index: fc.integer({ min: 0, max: 9999 }),
        version: fc.integer({ min: 1, max: 1e12 }),
        sizeBytes: fc.integer({ min: 1, max: 4 * 1024 ** 3 }),
        treeHash: fc
          .uint8Array({ minLength: 32, maxLength: 32 })
          .map((bytes) => Buffer.from(bytes).toString('hex')),
      },
      { noNullPrototype: true },
    )
    fc.assert(
      fc.property(part, (stored) => {
        assert.deepEqual(parsePartFileName(partFileName(stored)), stored)
      }),
    )
  })

  it('are told from other files', () => {
    for (const name of ['upload.json', 'archive', `1-1-1-${'0'.repeat(63)}.part`, '1-1-1.part']) {
      assert.equal(parsePartFileName(name), undefined, name)
    }
  })
})
