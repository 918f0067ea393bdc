import assert from 'node:assert/strict'
import type { Job, Progress } from '@firn/core'
import type { JobStore, PartRef } from '@firn/store'
import { aJob, anUpload } from './builders.ts'

export const never = new AbortController().signal
/** What a test of `recordPart` does not care about. */
export const part = { sizeBytes: 10, window: 2, nowMs: 1_000_000 }

/** Nor a test of `beginPart`. */
export const begun = { worker: 'ann', attempt: 1 }

/** A tree hash that is easy to tell from others. */
export function hashOf(byte: number): Buffer {
  return Buffer.alloc(32, byte)
}

export function uploading(partCount: number, generation = 1): Progress {
  return { state: 'uploading', generation, upload: anUpload({ partCount }) }
}

/** A stored job that uploads `partCount` parts. */
export async function anUploadingJob(store: JobStore, partCount: number): Promise<Job> {
  const job = aJob({ progress: uploading(partCount) })
  assert.equal(await store.create(job, never), true)
  return job
}

export function refOf(job: Job, index: number): PartRef {
  return { jobId: job.definition.id, generation: job.progress.generation, index }
}
