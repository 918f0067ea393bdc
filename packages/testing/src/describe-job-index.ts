import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Job, JobId, Progress } from '@firn/core'
import type { JobStore } from '@firn/store'
import { aDefinition, aJob, aJobId, anUpload } from './builders.ts'
import { anUploadingJob, never, uploading } from './store-fixtures.ts'

/** What the store answers across jobs. */
export function describeJobIndex(open: () => Promise<JobStore>): void {
  let store: JobStore
  beforeEach(async () => {
    store = await open()
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

  describe('findArchive()', () => {
    it('knows the job of an archive as soon as the job is archived, and no other', async () => {
      const job = await anUploadingJob(store, 1)
      const treeHash = 'ab'.repeat(32)
      const archive = { archiveId: 'a1', location: '/a1', treeHash }
      assert.equal(await store.findArchive('a1', never), undefined)
      const progress = {
        state: 'archived',
        generation: 1,
        upload: anUpload({ partCount: 1 }),
        archive,
      } as const
      await store.save({ ...job, progress }, 1, never)
      assert.equal(await store.findArchive('a1', never), job.definition.id)
      assert.equal(await store.findArchive('a2', never), undefined)
    })

    it('knows the archive of a job that was created archived, as recovery does', async () => {
      const archive = { archiveId: 'a3', location: '/a3', treeHash: 'ab'.repeat(32) }
      const job = aJob({
        progress: { state: 'archived', generation: 1, upload: anUpload(), archive },
      })
      await store.create(job, never)
      assert.equal(await store.findArchive('a3', never), job.definition.id)
    })
  })

  describe('liveness()', () => {
    it('answers in the order of the ids', async () => {
      const job = await anUploadingJob(store, 1)
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
}
