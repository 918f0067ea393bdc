import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { hasPart, type JobId, type Progress } from '@firn/core'
import type { JobStore } from '@firn/store'
import { aJobId, anUpload } from './builders.ts'
import { anUploadingJob, hashOf, never, part, refOf } from './store-fixtures.ts'

/** Recording parts, and what went wrong before. */
export function describePartRecords(open: () => Promise<JobStore>): void {
  let store: JobStore
  beforeEach(async () => {
    store = await open()
  })

  describe('recordPart()', () => {
    it('sees that the upload is complete at the last part, in any order, and ever after', async () => {
      const job = await anUploadingJob(store, 3)
      const record = (index: number) =>
        store.recordPart(refOf(job, index), { ...part, treeHash: hashOf(index) }, never)
      const outcomes = [await record(2), await record(0), await record(1), await record(2)]
      assert.deepEqual(
        outcomes.map((result) => 'isComplete' in result && result.isComplete),
        [false, false, true, true],
      )
    })

    it('keeps the hash that came first and refuses another', async () => {
      const job = await anUploadingJob(store, 2)
      await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(7) }, never)
      const other = await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(8) }, never)
      assert.deepEqual(other, { outcome: 'conflict' })
      const table = await store.loadParts({ ...refOf(job, 0), partCount: 2 }, never)
      assert.deepEqual(Buffer.from(table.treeHashes.subarray(0, 32)), hashOf(7))
    })

    it('keeps hashes of any bytes where their part is', async () => {
      const job = await anUploadingJob(store, 20)
      const odd = Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37) % 256))
      await store.recordPart(refOf(job, 9), { ...part, treeHash: odd }, never)
      const table = await store.loadParts({ ...refOf(job, 0), partCount: 20 }, never)
      const present = Array.from({ length: 20 }, (_, index) => hasPart(table.bitmap, index))
      assert.deepEqual(
        present.flatMap((isSet, index) => (isSet ? [index] : [])),
        [9],
      )
      assert.deepEqual(Buffer.from(table.treeHashes.subarray(288, 320)), odd)
    })

    it('counts parts and bytes', async () => {
      const job = await anUploadingJob(store, 3)
      const sizes = [4 * 1024 ** 3, 4 * 1024 ** 3, 1]
      for (const [index, sizeBytes] of sizes.entries()) {
        const input = { ...part, sizeBytes, treeHash: hashOf(index) }
        await store.recordPart(refOf(job, index), input, never)
      }
      const counts = (await store.load(job.definition.id, never))?.counts
      assert.equal(counts?.uploadedParts, 3)
      assert.equal(counts?.uploadedBytes, 8 * 1024 ** 3 + 1)
    })

    it('measures the rate between the first and the last record of ten seconds', async () => {
      const job = await anUploadingJob(store, 40)
      const rates: (number | null | undefined)[] = []
      for (let index = 0; index < 30; index += 1) {
        const input = { ...part, sizeBytes: 500, treeHash: hashOf(index), nowMs: 1000 * index }
        await store.recordPart(refOf(job, index), input, never)
        rates.push((await store.load(job.definition.id, never))?.counts.bytesPerSecond)
      }
      assert.deepEqual(rates.slice(0, 2), [null, 500])
      assert.equal(rates.at(-1), 500)
    })

    it('records a part of a paused job and opens no window', async () => {
      const job = await anUploadingJob(store, 4)
      await store.openParts(refOf(job, 0), 2, never)
      const upload = anUpload({ partCount: 4 })
      const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
      await store.save({ ...job, progress: paused }, 1, never)
      const result = await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
      assert.deepEqual(result, { outcome: 'recorded', opened: [], isComplete: false })
      assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 1)
    })

    it('says stale, and records nothing, unless the job has that part and goes on', async () => {
      const job = await anUploadingJob(store, 2)
      const input = { ...part, treeHash: hashOf(0) }
      const record = (ref: { jobId: JobId; generation: number; index: number }) =>
        store.recordPart(ref, input, never)
      assert.deepEqual(await record({ ...refOf(job, 0), generation: 2 }), { outcome: 'stale' })
      assert.deepEqual(await record(refOf(job, 2)), { outcome: 'stale' })
      assert.deepEqual(await record({ ...refOf(job, 0), jobId: aJobId() }), { outcome: 'stale' })
      const upload = anUpload({ partCount: 2 })
      const cancelled: Progress = { state: 'cancelled', generation: 1, upload, fate: 'abort' }
      await store.save({ ...job, progress: cancelled }, 1, never)
      assert.deepEqual(await record(refOf(job, 0)), { outcome: 'stale' })
      assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 0)
    })

    it('counts each part once when all are recorded at the same time, twice', async () => {
      const job = await anUploadingJob(store, 20)
      await store.openParts(refOf(job, 0), 4, never)
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          store.recordPart(
            refOf(job, index % 20),
            { ...part, window: 4, treeHash: hashOf(index % 20) },
            never,
          ),
        ),
      )
      assert.equal(results.filter(({ outcome }) => outcome === 'recorded').length, 20)
      const counts = (await store.load(job.definition.id, never))?.counts
      assert.equal(counts?.uploadedParts, 20)
      assert.equal(counts?.uploadedBytes, 200)
    })
  })

  describe('noteTrouble()', () => {
    const trouble = { code: 'GLACIER_TIMEOUT', message: 'slow', isRetryable: true } as const
    const noted = async (id: JobId) => (await store.load(id, never))?.trouble

    it('keeps the latest until a part is recorded or the job is saved', async () => {
      const job = await anUploadingJob(store, 2)
      const { id } = job.definition
      const generation = { jobId: id, generation: 1 }
      await store.noteTrouble(generation, { ...trouble, message: 'first' }, never)
      await store.noteTrouble(generation, trouble, never)
      assert.deepEqual(await noted(id), trouble)
      await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
      assert.equal(await noted(id), null)
      await store.noteTrouble(generation, trouble, never)
      await store.save(job, 1, never)
      assert.equal(await noted(id), null)
    })

    it('ignores another generation and a job that is not there', async () => {
      const job = await anUploadingJob(store, 2)
      const { id } = job.definition
      await store.noteTrouble({ jobId: id, generation: 2 }, trouble, never)
      assert.equal(await noted(id), null)
      const missing = aJobId()
      await store.noteTrouble({ jobId: missing, generation: 1 }, trouble, never)
      assert.equal(await store.load(missing, never), undefined)
    })
  })
}
