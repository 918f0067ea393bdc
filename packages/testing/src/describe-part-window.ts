import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Progress } from '@firn/core'
import type { JobStore } from '@firn/store'
import { aJob, aJobId, anUpload } from './builders.ts'
import { anUploadingJob, begun, hashOf, never, part, refOf } from './store-fixtures.ts'

/** Handing out, beginning and forgetting parts. */
export function describePartWindow(open: () => Promise<JobStore>): void {
  let store: JobStore
  beforeEach(async () => {
    store = await open()
  })

  describe('openParts() and the window', () => {
    it('hands out parts in order until the window is full', async () => {
      const job = await anUploadingJob(store, 5)
      const ref = refOf(job, 0)
      assert.deepEqual(await store.openParts(ref, 3, never), [0, 1, 2])
      assert.deepEqual(await store.openParts(ref, 3, never), [])
      assert.deepEqual(await store.openParts(ref, 4, never), [3])
      assert.deepEqual(await store.openParts(ref, 100, never), [4])
      assert.equal((await store.load(job.definition.id, never))?.counts.openedParts, 5)
    })

    it('hands out one part for each that is recorded, and none twice', async () => {
      const job = await anUploadingJob(store, 4)
      assert.deepEqual(await store.openParts(refOf(job, 0), 2, never), [0, 1])
      const first = await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(1) }, never)
      assert.deepEqual(first, { outcome: 'recorded', opened: [2], isComplete: false })
      const again = await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(1) }, never)
      assert.deepEqual(again, { outcome: 'already', opened: [], isComplete: false })
    })

    it('passes over parts that are uploaded already, as after adopting an upload', async () => {
      const job = await anUploadingJob(store, 8)
      for (const index of [1, 2, 5]) {
        const input = { ...part, window: 0, treeHash: hashOf(index) }
        const result = await store.recordPart(refOf(job, index), input, never)
        assert.deepEqual(result, { outcome: 'recorded', opened: [], isComplete: false })
      }
      assert.deepEqual(await store.openParts(refOf(job, 0), 3, never), [0, 3, 4])
      const input = { ...part, window: 3, treeHash: hashOf(3) }
      const result = await store.recordPart(refOf(job, 3), input, never)
      assert.deepEqual(result, { outcome: 'recorded', opened: [6], isComplete: false })
    })

    it('hands out nothing unless the job is uploading that generation', async () => {
      const queued = aJob()
      await store.create(queued, never)
      assert.deepEqual(await store.openParts(refOf(queued, 0), 3, never), [])
      const job = await anUploadingJob(store, 4)
      const other = { jobId: job.definition.id, generation: 2 }
      assert.deepEqual(await store.openParts(other, 3, never), [])
      const unknown = { jobId: aJobId(), generation: 1 }
      assert.deepEqual(await store.openParts(unknown, 3, never), [])
    })

    it('tells which parts were handed out and are not uploaded', async () => {
      const job = await anUploadingJob(store, 6)
      const ref = refOf(job, 0)
      assert.deepEqual(await store.unfinishedParts(ref, 10, never), [])
      await store.openParts(ref, 4, never)
      const input = { ...part, window: 0, treeHash: hashOf(1) }
      await store.recordPart(refOf(job, 1), input, never)
      assert.deepEqual(await store.unfinishedParts(ref, 10, never), [0, 2, 3])
      assert.deepEqual(await store.unfinishedParts(ref, 2, never), [0, 2])
      assert.deepEqual(await store.unfinishedParts({ ...ref, generation: 2 }, 10, never), [])
      const unknown = { jobId: aJobId(), generation: 1 }
      assert.deepEqual(await store.unfinishedParts(unknown, 10, never), [])
    })
  })

  describe('beginPart()', () => {
    it('remembers the last worker and the try that it makes', async () => {
      const job = await anUploadingJob(store, 4)
      const begin = (index: number, worker: string, attempt: number) =>
        store.beginPart(refOf(job, index), { worker, attempt }, never)
      assert.equal(await begin(1, 'ann', 1), 'go')
      assert.equal(await begin(1, 'bob', 2), 'go')
      // Handed back, and made again.
      assert.equal(await begin(0, 'ann', 1), 'go')
      assert.equal(await begin(0, 'bob', 1), 'go')
      assert.equal(await begin(2, 'ann', 70_000), 'go')
      const table = await store.loadParts({ ...refOf(job, 0), partCount: 4 }, never)
      assert.deepEqual(table.attempts, [1, 2, 65_535, 0])
      assert.deepEqual(table.workers, ['bob', 'bob', 'ann', null])
    })

    it('says that a recorded part is uploaded, and counts no attempt', async () => {
      const job = await anUploadingJob(store, 3)
      await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(1) }, never)
      assert.equal(await store.beginPart(refOf(job, 1), begun, never), 'uploaded')
      const table = await store.loadParts({ ...refOf(job, 0), partCount: 3 }, never)
      assert.deepEqual(table.attempts, [0, 0, 0])
    })

    it('says stale unless the job is uploading that generation and has that part', async () => {
      const job = await anUploadingJob(store, 3)
      assert.equal(
        await store.beginPart({ ...refOf(job, 0), generation: 2 }, begun, never),
        'stale',
      )
      assert.equal(await store.beginPart(refOf(job, 3), begun, never), 'stale')
      const unknown = { ...refOf(job, 0), jobId: aJobId() }
      assert.equal(await store.beginPart(unknown, begun, never), 'stale')
      const upload = anUpload({ partCount: 3 })
      const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
      await store.save({ ...job, progress: paused }, 1, never)
      assert.equal(await store.beginPart(refOf(job, 0), begun, never), 'stale')
    })
  })

  describe('forgetParts()', () => {
    it('makes parts as if they had never been uploaded', async () => {
      const job = await anUploadingJob(store, 3)
      await store.openParts(refOf(job, 0), 3, never)
      for (const index of [0, 1, 2]) {
        await store.recordPart(refOf(job, index), { ...part, treeHash: hashOf(index) }, never)
      }
      const forgotten = [
        { index: 1, sizeBytes: 10 },
        { index: 1, sizeBytes: 10 },
      ]
      await store.forgetParts(refOf(job, 0), forgotten, never)
      const counts = (await store.load(job.definition.id, never))?.counts
      assert.equal(counts?.uploadedParts, 2)
      assert.equal(counts?.uploadedBytes, 20)
      assert.deepEqual(await store.openParts(refOf(job, 0), 3, never), [1])
      assert.deepEqual(await store.unfinishedParts(refOf(job, 0), 10, never), [1])
      assert.equal(await store.beginPart(refOf(job, 1), begun, never), 'go')
      const again = await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(9) }, never)
      assert.deepEqual(again, { outcome: 'recorded', opened: [], isComplete: true })
    })

    it('has the window hand out every forgotten part again, however many there are', async () => {
      const job = await anUploadingJob(store, 12)
      await store.openParts(refOf(job, 0), 12, never)
      const record = async (index: number) =>
        await store.recordPart(refOf(job, index), { ...part, treeHash: hashOf(index) }, never)
      for (let index = 0; index < 12; index += 1) await record(index)
      for (const indexes of [[10], [11, 3, 8], [9]]) {
        const forgotten = indexes.map((index) => ({ index, sizeBytes: 10 }))
        await store.forgetParts(refOf(job, 0), forgotten, never)
      }
      assert.deepEqual(await store.openParts(refOf(job, 0), part.window, never), [3, 8])
      const opened: unknown[] = []
      for (const index of [3, 8, 9, 10]) opened.push(await record(index))
      const outcome = 'recorded'
      assert.deepEqual(opened, [
        { outcome, opened: [9], isComplete: false },
        { outcome, opened: [10], isComplete: false },
        { outcome, opened: [11], isComplete: false },
        { outcome, opened: [], isComplete: false },
      ])
      assert.deepEqual(await record(11), { outcome, opened: [], isComplete: true })
      assert.equal((await store.load(job.definition.id, never))?.counts.openedParts, 12)
    })

    it('leaves another generation alone', async () => {
      const job = await anUploadingJob(store, 1)
      await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
      const other = { jobId: job.definition.id, generation: 2 }
      await store.forgetParts(other, [{ index: 0, sizeBytes: 10 }], never)
      assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 1)
    })
  })
}
