import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, defaultControls, markedDescription } from '@firn/core'
import { type FinalizeDeps, finalizeJob } from '@firn/engine'
import { createMemoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'

const { signal } = new AbortController()
const treeHash = 'ab'.repeat(32)
const run = { signal, isLastAttempt: false, isPatienceOver: false, attempt: 1 }
const refuse = () => Promise.reject(new Error('not to be called'))

/** The receipt of a job whose upload is gone, and whose archive an inventory of `account` shows. */
async function receiptFromInventory(account: string | null) {
  const definition = aDefinition({ vault: 'v' })
  const ref = { jobId: definition.id, generation: 1 }
  const upload = anUpload({ partCount: 1 })
  const doubt = { treeHash, doubtSinceMs: 1, inventoryJobId: 'I1', inventoryDateMs: null }
  const progress = { state: 'reconciling', generation: 1, upload, ...doubt } as const
  const job = aJob({ definition, progress })
  const gone = new AppError('GLACIER_UPLOAD_NOT_FOUND', 'gone')
  const found = { archiveId: 'A1', sizeBytes: upload.plan.sizeBytes, treeHash, createdAtMs: 5 }
  const archives = [{ ...found, description: markedDescription(ref, '') }]
  const deps: FinalizeDeps = {
    store: createMemoryJobStore(),
    journal: createMemoryJournal(),
    queues: {
      ...{ addOpen: refuse, addParts: refuse, addFinalize: refuse, addAbort: refuse },
      changePriority: refuse,
    },
    glacier: {
      ...{ initiateUpload: refuse, uploadPart: refuse, abortUpload: refuse },
      completeUpload: () => Promise.reject(gone),
      listParts: () => assert.fail('not to be called'),
      async *listUploads() {},
    },
    inventories: {
      inventoryDateMs: async () => null,
      askInventory: refuse,
      readInventory: async () => ({ account, takenAtMs: 9, archives }),
    },
    ...{ region: 'eu-central-1', inventoryMarginMs: 0, inventoryPatienceMs: 0 },
    ...{ controls: () => defaultControls, now: () => 10 },
  }
  await deps.journal.putDefinition(definition, signal)
  await deps.store.create(job, signal)
  await finalizeJob(deps, ref, run)
  return (await deps.journal.load(ref.jobId, signal))?.receipt
}

describe('the receipt of an archive that only an inventory shows', () => {
  it('has the account of the inventory, and a location as Complete gives it', async () => {
    const receipt = await receiptFromInventory('111122223333')
    assert.equal(receipt?.archive.location, '/111122223333/vaults/v/archives/A1')
    assert.deepEqual([receipt.account, receipt.region], ['111122223333', 'eu-central-1'])
    assert.equal(receipt.formatVersion, 2)
  })

  it('says that the account is not known when the inventory does not tell', async () => {
    const receipt = await receiptFromInventory(null)
    assert.equal(receipt?.archive.location, '/-/vaults/v/archives/A1')
    assert.equal(receipt.account, null)
  })
})
