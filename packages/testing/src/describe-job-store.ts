import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { AppError, hasPart, type Job, type JobId, type Progress } from '@firn/core'
import type { JobStore } from '@firn/store'
import { aDefinition, aJob, aJobId, anUpload } from './builders.ts'

const never = new AbortController().signal
const part = { sizeBytes: 10, window: 2, nowMs: 1_000_000 }

/** A tree hash that is easy to tell from others. */
function hashOf(byte: number): Buffer {
  return Buffer.alloc(32, byte)
}

function uploading(partCount: number, generation = 1): Progress {
  return { state: 'uploading', generation, upload: anUpload({ partCount }) }
}

/** Every JobStore passes this suite; `open` must give each test an empty store. */
export function describeJobStore(name: string, open: () => Promise<JobStore>): void {
  describe(`JobStore: ${name}`, () => {
    let store: JobStore

    beforeEach(async () => {
      store = await open()
    })

    /** A stored job that uploads `partCount` parts. */
    const anUploadingJob = async (partCount: number): Promise<Job> => {
      const job = aJob({ progress: uploading(partCount) })
      assert.equal(await store.create(job, never), true)
      return job
    }
    const refOf = (job: Job, index: number) => ({
      jobId: job.definition.id,
      generation: job.progress.generation,
      index,
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

    describe('openParts() and the window', () => {
      it('hands out parts in order until the window is full', async () => {
        const job = await anUploadingJob(5)
        const ref = refOf(job, 0)
        assert.deepEqual(await store.openParts(ref, 3, never), [0, 1, 2])
        assert.deepEqual(await store.openParts(ref, 3, never), [])
        assert.deepEqual(await store.openParts(ref, 4, never), [3])
        assert.deepEqual(await store.openParts(ref, 100, never), [4])
        assert.equal((await store.load(job.definition.id, never))?.counts.openedParts, 5)
      })

      it('hands out one part for each that is recorded, and none twice', async () => {
        const job = await anUploadingJob(4)
        assert.deepEqual(await store.openParts(refOf(job, 0), 2, never), [0, 1])
        const first = await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(1) }, never)
        assert.deepEqual(first, { outcome: 'recorded', opened: [2], isComplete: false })
        const again = await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(1) }, never)
        assert.deepEqual(again, { outcome: 'already', opened: [], isComplete: false })
      })

      it('passes over parts that are uploaded already, as after adopting an upload', async () => {
        const job = await anUploadingJob(8)
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
        const job = await anUploadingJob(4)
        const other = { jobId: job.definition.id, generation: 2 }
        assert.deepEqual(await store.openParts(other, 3, never), [])
        const unknown = { jobId: aJobId(), generation: 1 }
        assert.deepEqual(await store.openParts(unknown, 3, never), [])
      })

      it('tells which parts were handed out and are not uploaded', async () => {
        const job = await anUploadingJob(6)
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
      it('counts attempts and remembers the last worker', async () => {
        const job = await anUploadingJob(3)
        assert.equal(await store.beginPart(refOf(job, 1), 'ann', never), 'go')
        assert.equal(await store.beginPart(refOf(job, 1), 'bob', never), 'go')
        assert.equal(await store.beginPart(refOf(job, 0), 'ann', never), 'go')
        const table = await store.loadParts({ ...refOf(job, 0), partCount: 3 }, never)
        assert.deepEqual(table.attempts, [1, 2, 0])
        assert.deepEqual(table.workers, ['ann', 'bob', null])
      })

      it('says that a recorded part is uploaded, and counts no attempt', async () => {
        const job = await anUploadingJob(3)
        await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(1) }, never)
        assert.equal(await store.beginPart(refOf(job, 1), 'ann', never), 'uploaded')
        const table = await store.loadParts({ ...refOf(job, 0), partCount: 3 }, never)
        assert.deepEqual(table.attempts, [0, 0, 0])
      })

      it('says stale unless the job is uploading that generation and has that part', async () => {
        const job = await anUploadingJob(3)
        assert.equal(
          await store.beginPart({ ...refOf(job, 0), generation: 2 }, 'a', never),
          'stale',
        )
        assert.equal(await store.beginPart(refOf(job, 3), 'a', never), 'stale')
        const unknown = { ...refOf(job, 0), jobId: aJobId() }
        assert.equal(await store.beginPart(unknown, 'a', never), 'stale')
        const upload = anUpload({ partCount: 3 })
        const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
        await store.save({ ...job, progress: paused }, 1, never)
        assert.equal(await store.beginPart(refOf(job, 0), 'a', never), 'stale')
      })
    })

    describe('recordPart()', () => {
      it('sees that the upload is complete at the last part, in any order, and ever after', async () => {
        const job = await anUploadingJob(3)
        const record = (index: number) =>
          store.recordPart(refOf(job, index), { ...part, treeHash: hashOf(index) }, never)
        const outcomes = [await record(2), await record(0), await record(1), await record(2)]
        assert.deepEqual(
          outcomes.map((result) => 'isComplete' in result && result.isComplete),
          [false, false, true, true],
        )
      })

      it('keeps the hash that came first and refuses another', async () => {
        const job = await anUploadingJob(2)
        await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(7) }, never)
        const other = await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(8) }, never)
        assert.deepEqual(other, { outcome: 'conflict' })
        const table = await store.loadParts({ ...refOf(job, 0), partCount: 2 }, never)
        assert.deepEqual(Buffer.from(table.treeHashes.subarray(0, 32)), hashOf(7))
      })

      it('keeps hashes of any bytes where their part is', async () => {
        const job = await anUploadingJob(20)
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
        const job = await anUploadingJob(3)
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
        const job = await anUploadingJob(40)
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
        const job = await anUploadingJob(4)
        await store.openParts(refOf(job, 0), 2, never)
        const upload = anUpload({ partCount: 4 })
        const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
        await store.save({ ...job, progress: paused }, 1, never)
        const result = await store.recordPart(
          refOf(job, 0),
          { ...part, treeHash: hashOf(0) },
          never,
        )
        assert.deepEqual(result, { outcome: 'recorded', opened: [], isComplete: false })
        assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 1)
      })

      it('says stale, and records nothing, unless the job has that part and goes on', async () => {
        const job = await anUploadingJob(2)
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
        const job = await anUploadingJob(20)
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

    describe('forgetParts()', () => {
      it('makes parts as if they had never been uploaded', async () => {
        const job = await anUploadingJob(3)
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
        assert.deepEqual(await store.unfinishedParts(refOf(job, 0), 10, never), [1])
        assert.equal(await store.beginPart(refOf(job, 1), 'ann', never), 'go')
        const again = await store.recordPart(refOf(job, 1), { ...part, treeHash: hashOf(9) }, never)
        assert.deepEqual(again, { outcome: 'recorded', opened: [], isComplete: true })
      })

      it('leaves another generation alone', async () => {
        const job = await anUploadingJob(1)
        await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
        const other = { jobId: job.definition.id, generation: 2 }
        await store.forgetParts(other, [{ index: 0, sizeBytes: 10 }], never)
        assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 1)
      })
    })

    describe('generations', () => {
      it('starts a new one with no parts', async () => {
        const job = await anUploadingJob(2)
        await store.openParts(refOf(job, 0), 2, never)
        await store.beginPart(refOf(job, 1), 'ann', never)
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
        const job = await anUploadingJob(2)
        await store.recordPart(refOf(job, 0), { ...part, treeHash: hashOf(0) }, never)
        const upload = anUpload({ partCount: 2 })
        const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
        await store.save({ ...job, progress: paused }, 1, never)
        await store.save(job, 2, never)
        assert.equal((await store.load(job.definition.id, never))?.counts.uploadedParts, 1)
      })
    })

    describe('list(), listDue() and countByState()', () => {
      const createAt = async (createdAtMs: number, progress?: Progress): Promise<JobId> => {
        const definition = aDefinition({ createdAtMs })
        await store.create(aJob({ definition, ...(progress && { progress }) }), never)
        return definition.id
      }
      const idsOf = (page: { items: readonly { job: Job }[] }): JobId[] =>
        page.items.map(({ job }) => job.definition.id)

      it('lists jobs newest first, page by page', async () => {
        const ids: JobId[] = []
        for (const atMs of [3000, 1000, 5000, 2000, 4000]) ids.push(await createAt(atMs))
        const newestFirst = [ids[2], ids[4], ids[0], ids[3], ids[1]]
        const first = await store.list({ state: null, cursor: null, limit: 2 }, never)
        const second = await store.list({ state: null, cursor: first.nextCursor, limit: 2 }, never)
        const third = await store.list({ state: null, cursor: second.nextCursor, limit: 2 }, never)
        assert.deepEqual([...idsOf(first), ...idsOf(second), ...idsOf(third)], newestFirst)
        assert.equal(third.nextCursor, null)
      })

      it('ends a list that fills its last page exactly', async () => {
        await createAt(1000)
        await createAt(2000)
        const page = await store.list({ state: null, cursor: null, limit: 2 }, never)
        assert.equal(page.items.length, 2)
        assert.equal(page.nextCursor, null)
      })

      it('lists each of many jobs of the same millisecond once', async () => {
        const ids: JobId[] = []
        for (let index = 0; index < 7; index += 1) ids.push(await createAt(1000))
        const seen: JobId[] = []
        let cursor: string | null = null
        do {
          const page = await store.list({ state: null, cursor, limit: 3 }, never)
          seen.push(...idsOf(page))
          cursor = page.nextCursor
        } while (cursor !== null)
        assert.deepEqual([...seen].sort(), [...ids].sort())
      })

      it('lists and counts by the state that a job is in now', async () => {
        const id = await createAt(1000)
        await createAt(2000)
        const stored = await store.load(id, never)
        assert.ok(stored)
        await store.save({ ...stored.job, progress: uploading(1) }, 1, never)
        const page = await store.list({ state: 'uploading', cursor: null, limit: 10 }, never)
        assert.deepEqual(idsOf(page), [id])
        assert.deepEqual(await store.countByState(never), {
          queued: 1,
          uploading: 1,
          finalizing: 0,
          reconciling: 0,
          paused: 0,
          archived: 0,
          failed: 0,
          cancelled: 0,
        })
      })

      it('lists the jobs that have work left, and no others', async () => {
        const upload = anUpload()
        const treeHash = 'ab'.repeat(32)
        const archive = { archiveId: 'a', location: '/a', treeHash }
        const queued = await createAt(1000)
        const aborting = await createAt(2000, {
          state: 'cancelled',
          generation: 1,
          upload,
          fate: 'abort',
        })
        await createAt(3000, { state: 'archived', generation: 1, upload, archive })
        await createAt(4000, { state: 'paused', generation: 1, isOpening: false, upload })
        const page = await store.listDue({ cursor: null, limit: 10 }, never)
        assert.deepEqual(idsOf(page).sort(), [queued, aborting].sort())

        const stored = await store.load(aborting, never)
        assert.ok(stored)
        const gone: Progress = { state: 'cancelled', generation: 1, upload, fate: 'gone' }
        await store.save({ ...stored.job, progress: gone }, 1, never)
        assert.deepEqual(idsOf(await store.listDue({ cursor: null, limit: 10 }, never)), [queued])
      })

      it('pages through the jobs that have work left', async () => {
        const ids = [await createAt(1000), await createAt(2000), await createAt(3000)]
        const first = await store.listDue({ cursor: null, limit: 2 }, never)
        const second = await store.listDue({ cursor: first.nextCursor, limit: 2 }, never)
        assert.deepEqual([...idsOf(first), ...idsOf(second)].sort(), [...ids].sort())
        assert.equal(second.nextCursor, null)
      })

      it('changes nothing when a job that is indexed right is indexed again', async () => {
        const id = await createAt(1000)
        const before = await store.stateEvents('0', 10, never)
        await store.reindex(id, never)
        await store.reindex(aJobId(), never)
        assert.deepEqual(await store.stateEvents('0', 10, never), before)
        assert.equal((await store.countByState(never)).queued, 1)
      })
    })

    describe('noteTrouble()', () => {
      const trouble = { code: 'GLACIER_TIMEOUT', message: 'slow', isRetryable: true } as const
      const noted = async (id: JobId) => (await store.load(id, never))?.trouble

      it('keeps the latest until a part is recorded or the job is saved', async () => {
        const job = await anUploadingJob(2)
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
        const job = await anUploadingJob(2)
        const { id } = job.definition
        await store.noteTrouble({ jobId: id, generation: 2 }, trouble, never)
        assert.equal(await noted(id), null)
        const missing = aJobId()
        await store.noteTrouble({ jobId: missing, generation: 1 }, trouble, never)
        assert.equal(await store.load(missing, never), undefined)
      })
    })

    describe('putMark()', () => {
      it('leaves a mark that an empty store does not have', async () => {
        assert.equal(await store.hasMark(never), false)
        await store.putMark(never)
        await store.putMark(never)
        assert.equal(await store.hasMark(never), true)
      })
    })

    describe('liveness()', () => {
      it('answers in the order of the ids', async () => {
        const job = await anUploadingJob(1)
        const queued = aJob()
        await store.create(queued, never)
        const ids = [aJobId(), queued.definition.id, job.definition.id]
        assert.deepEqual(await store.liveness(ids, never), [
          undefined,
          { state: 'queued', generation: 1 },
          { state: 'uploading', generation: 1 },
        ])
        assert.deepEqual(await store.liveness([], never), [])
      })
    })

    describe('stateEvents()', () => {
      it('tells every change of state once, in order, after any of them', async () => {
        assert.equal(await store.lastEventId(never), '0')
        const job = aJob()
        const { id } = job.definition
        await store.create(job, never)
        await store.save({ ...job, updatedAtMs: 5 }, 1, never)
        await store.save({ ...job, progress: uploading(1) }, 2, never)
        const events = await store.stateEvents('0', 10, never)
        assert.deepEqual(
          events.map(({ jobId, state, version }) => ({ jobId, state, version })),
          [
            { jobId: id, state: 'queued', version: 1 },
            { jobId: id, state: 'uploading', version: 3 },
          ],
        )
        assert.equal(await store.lastEventId(never), events[1]?.id)
        assert.deepEqual(await store.stateEvents(events[0]!.id, 10, never), events.slice(1))
        assert.deepEqual(await store.stateEvents('0', 1, never), events.slice(0, 1))
        assert.deepEqual(await store.stateEvents(events[1]!.id, 10, never), [])
      })
    })

    describe('signals', () => {
      it("rejects with the signal's reason and does nothing when it was aborted before", async () => {
        const reason = new Error('enough')
        const aborted = AbortSignal.abort(reason)
        const job = aJob()
        await assert.rejects(store.create(job, aborted), reason)
        await assert.rejects(store.load(job.definition.id, aborted), reason)
        await assert.rejects(store.countByState(aborted), (error) => !(error instanceof AppError))
        assert.equal(await store.load(job.definition.id, never), undefined)
      })
    })
  })
}
