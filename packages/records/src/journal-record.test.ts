import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { receiptSchema } from './journal-record.ts'

const treeHash = 'ab'.repeat(32)
/** Says nothing of its format; must be read for as long as archives last. */
const format1 = {
  jobId: '01890a5d-ac96-774b-bcce-b302099a8057',
  generation: 1,
  vault: 'photos',
  region: null,
  archive: { archiveId: 'A-1', location: '/111122223333/vaults/photos/archives/A-1', treeHash },
  description: '',
  labels: { owner: 'ada' },
  plan: { sizeBytes: 3, partSizeBytes: 1024 ** 2, partCount: 1 },
  partTreeHashes: [treeHash],
  source: { type: 'file', path: '/data/é.tar' },
  pin: { sizeBytes: 3, device: '1', inode: '2', mtimeNs: '3', ctimeNs: '4' },
  sha256: null,
  createdAtMs: 1,
  archivedAtMs: 2,
}

describe('receiptSchema', () => {
  it('reads a receipt of format 1, and its account off the location', () => {
    const receipt = receiptSchema.parse(format1)
    assert.deepEqual(receipt, { ...format1, formatVersion: 1, account: '111122223333' })
  })

  it('does not make up an account', () => {
    const archive = { ...format1.archive, location: '/-/vaults/photos/archives/A-1' }
    assert.equal(receiptSchema.parse({ ...format1, archive }).account, null)
  })

  it('reads what it knows of a receipt that has more', () => {
    const known = { ...format1, formatVersion: 3, account: '111122223333', region: 'eu-central-1' }
    assert.deepEqual(receiptSchema.parse({ ...known, more: { to: 'come' } }), known)
  })
})
