import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, defaultControls, type Progress } from '@firn/core'
import { giveUpJob } from '@firn/engine'
import type { Glacier } from '@firn/glacier'
import { createMemoryJournal } from '@firn/journal'
import type { JobQueues } from '@firn/queue'
import { createMemoryJobStore } from '@firn/store'
import { aJob, anUpload } from '@firn/testing'

const { signal } = new AbortController()
const reason = new AppError('POISON', '50 runs of queue job "x" were cut off')
const refuse = () => Promise.reject(new Error('not to be called'))
const glacier: Glacier = {
  initiateUpload: refuse,
  uploadPart: refuse,
  completeUpload: refuse,
  abortUpload: refuse,
  listParts: () => assert.fail('not to be called'),
  listUploads: () => assert.fail('not to be called'),
}
const queues: JobQueues = {
  addOpen: refuse,
  addParts: refuse,
  addFinalize: refuse,
  changePriority: refuse,
  addAbort: refuse,
}

/** What becomes of a job that is in this state when a run of `generation` is given up. */
async function progressAfter(before: Progress, generation: number): Promise<Progress | undefined> {
  const store = createMemoryJobStore()
  const journal = createMemoryJournal()
  const deps = { store, journal, queues, glacier, controls: () => defaultControls, now: Date.now }
  const job = aJob({ progress: before })
  const jobId = job.definition.id
  await journal.putDefinition(job.definition, signal)
  await store.create(job, signal)
  await giveUpJob(deps, { jobId, generation }, reason, signal)
  return (await store.load(jobId, signal))?.job.progress
}

describe('giveUpJob()', () => {
  const uploading: Progress = { state: 'uploading', generation: 2, upload: anUpload() }
  const paused: Progress = { ...uploading, state: 'paused', isOpening: false }

  it('fails a job that uploads, and keeps its upload for a retry', async () => {
    const progress = await progressAfter(uploading, 2)
    const { code, message } = reason
    assert.deepEqual(progress, {
      ...uploading,
      state: 'failed',
      fate: 'kept',
      error: { code, message, isRetryable: true },
    })
  })

  it('leaves a job alone that has no use for the run', async () => {
    assert.deepEqual(await progressAfter(paused, 2), paused)
    assert.deepEqual(await progressAfter(uploading, 1), uploading)
  })
})
