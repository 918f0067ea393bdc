import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { hasPart, type Progress } from '@firn/core'
import type { JobStore } from '@firn/store'
import { aJob, aJobId, anUpload } from './builders.ts'
import { anUploadingJob, begun, hashOf, never, part, refOf, uploading } from './store-fixtures.ts'

/** Creating, loading, saving, and what a new generation forgets. */
export function describeJobRecords(open: () => Promise<JobStore>): void {
  let store: JobStore
  beforeEach(async () => {
    store = await open()
  })

  describe('create(), load() and save()', () => {
    it('loads what was created, at version 1', async () => {
      const job = aJob()
      assert.equal(await store.create(job, never), true)
      const stored = await store.load(job.definition.id, never)
      assert.deepEqual(stored, {
        job,
        version: 1,
        counts: { uploadedParts: 0, uploadedBytes: 0, openedParts: 0, bytesPerSecond: null },
        trouble: null,
      })
    })

    it('knows nothing of a job that was never created', async () => {
      assert.equal(await store.load(aJobId(), never), undefined)
    })

    it('refuses to create a job whose id is taken, and keeps the first', async () => {
      const job = aJob()
      await store.create(job, never)
      const other = aJob({ definition: { ...job.definition, vault: 'other' } })
      assert.equal(await store.create(other, never), false)
      assert.equal((await store.load(job.definition.id, never))?.job.definition.vault, 'photos')
    })

    it('saves over the expected version and raises it by one', async () => {
      const job = aJob()
      await store.create(job, never)
      const saved = { ...job, progress: uploading(2), updatedAtMs: 77 }
      assert.equal(await store.save(saved, 1, never), true)
      const stored = await store.load(job.definition.id, never)
      assert.deepEqual(stored?.job, saved)
      assert.equal(stored?.version, 2)
    })

    it('refuses a save whose expected version is stale, and changes nothing', async () => {
      const job = aJob()
      await store.create(job, never)
      await store.save({ ...job, updatedAtMs: 77 }, 1, never)
      assert.equal(await store.save({ ...job, updatedAtMs: 88 }, 1, never), false)
      assert.equal(await store.save({ ...job, updatedAtMs: 88 }, 3, never), false)
      const stored = await store.load(job.definition.id, never)
      assert.equal(stored?.version, 2)
      assert.equal(stored?.job.updatedAtMs, 77)
    })

    it('refuses to save a job that was never created', async () => {
      const job = aJob()
      assert.equal(await store.save(job, 1, never), false)
      assert.equal(await store.save(job, 0, never), false)
      assert.equal(await store.load(job.definition.id, never), undefined)
    })

    it('lets one of many concurrent saves win', async () => {
      const job = aJob()
      await store.create(job, never)
      const saves = Array.from({ length: 10 }, (_, index) =>
        store.save({ ...job, updatedAtMs: index }, 1, never),
      )
      assert.equal((await Promise.all(saves)).filter(Boolean).length, 1)
      assert.equal((await store.load(job.definition.id, never))?.version, 2)
    })

    it('keeps every kind of progress', async () => {
      const upload = anUpload()
      const treeHash = 'ab'.repeat(32)
      const archive = { archiveId: 'a1', location: '/1/vaults/v/archives/a1', treeHash }
      const error = { code: 'SOURCE_CHANGED', message: 'It changed', isRetryable: false } as const
      const all: Progress[] = [
        { state: 'queued', generation: 3, isOpening: true },
        { state: 'uploading', generation: 3, upload },
        { state: 'finalizing', generation: 3, upload, treeHash },
        {
          state: 'reconciling',
          generation: 3,
          upload,
          treeHash,
          doubtSinceMs: 5,
          inventoryJobId: null,
          inventoryDateMs: 7,
        },
        { state: 'paused', generation: 3, isOpening: true, upload: null },
        { state: 'archived', generation: 3, upload, archive },
        { state: 'failed', generation: 3, upload, fate: 'kept', error },
        { state: 'cancelled', generation: 3, upload: null, fate: 'abort' },
      ]
      for (const progress of all) {
        const job = aJob({ progress })
        await store.create(job, never)
        assert.deepEqual((await store.load(job.definition.id, never))?.job, job)
      }
    })
  })

  describe('generations', () => {
    it('starts a new one with no parts', async () => {
      const job = await anUploadingJob(store, 2)
      await store.openParts(refOf(job, 0), 2, never)
      await store.beginPart(refOf(job, 1), begun, never)
      await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
      const queued: Progress = { state: 'queued', generation: 2, isOpening: false }
      await store.save({ ...job, progress: queued }, 1, never)
      await store.save({ ...job, progress: uploading(5, 2) }, 2, never)
      const counts = (await store.load(job.definition.id, never))?.counts
      assert.deepEqual(counts, {
        uploadedParts: 0,
        uploadedBytes: 0,
        openedParts: 0,
        bytesPerSecond: null,
      })
      const table = await store.loadParts(
        { jobId: job.definition.id, generation: 2, partCount: 5 },
        never,
      )
      assert.equal(hasPart(table.bitmap, 0), false)
      assert.deepEqual(table.attempts, [0, 0, 0, 0, 0])
    })

    it('keeps what is recorded when the state changes and the upload stays', async () => {
      const job = await anUploadingJob(store, 2)
      await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
      const upload = anUpload({ partCount: 2 })
      const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
      await store.save({ ...job, progress: paused }, 1, never)
      await store.save(job, 2, never)
      assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 1)
    })
  })
}
