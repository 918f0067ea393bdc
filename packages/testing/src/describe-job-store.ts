import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { AppError } from '@firn/core'
import type { JobStore } from '@firn/store'
import { aJob } from './builders.ts'
import { describeJobIndex } from './describe-job-index.ts'
import { describeJobRecords } from './describe-job-records.ts'
import { describePartRecords } from './describe-part-records.ts'
import { describePartWindow } from './describe-part-window.ts'
import { never } from './store-fixtures.ts'

/** Every JobStore passes this suite; `open` must give each test an empty store. */
export function describeJobStore(name: string, open: () => Promise<JobStore>): void {
  describe(`JobStore: ${name}`, () => {
    describeJobRecords(open)
    describePartWindow(open)
    describePartRecords(open)
    describeJobIndex(open)

    let store: JobStore
    beforeEach(async () => {
      store = await open()
    })

    describe('putMark()', () => {
      it('leaves a mark that an empty store does not have', async () => {
        assert.equal(await store.hasMark(never), false)
        for (let time = 0; time < 2; time += 1) {
          await store.putMark(await store.beginMark(never), never)
        }
        assert.equal(await store.hasMark(never), true)
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
