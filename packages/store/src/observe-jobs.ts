import { isFinished, type Job, type JobError, type JobId, type JobState } from '@firn/core'
import type { JobStore } from './job-store.ts'

/** A change of state, as somebody who follows a log wants it; what does not apply is left out. */
export interface JobChange {
  readonly jobId: JobId
  readonly vault: string
  readonly state: JobState
  /** The job came to its end by this change, not by an earlier one. */
  readonly isNewEnd: boolean
  readonly generation: number
  readonly uploadId?: string
  readonly archiveId?: string
  readonly failure?: JobError
}

/** The same store, with each job that was created or saved through it reported afterwards. */
export function observeJobs(store: JobStore, onChange: (change: JobChange) => void): JobStore {
  return {
    ...store,
    async create(job, signal) {
      const isNew = await store.create(job, signal)
      // One that is created at its end is put back; it came there long ago.
      if (isNew) onChange({ ...changeOf(job), isNewEnd: false })
      return isNew
    },
    async save(job, expectedVersion, signal) {
      const isSaved = await store.save(job, expectedVersion, signal)
      if (isSaved) onChange(changeOf(job))
      return isSaved
    },
  }
}

function changeOf({ definition, progress, updatedAtMs, finishedAtMs }: Job): JobChange {
  const { state, generation } = progress
  const isNewEnd = isFinished(state) && finishedAtMs === updatedAtMs
  const base = { jobId: definition.id, vault: definition.vault, state, generation, isNewEnd }
  switch (progress.state) {
    case 'uploading':
      return { ...base, uploadId: progress.upload.uploadId }
    case 'archived':
      return { ...base, archiveId: progress.archive.archiveId }
    case 'failed':
      return { ...base, failure: progress.error }
    default:
      return base
  }
}
