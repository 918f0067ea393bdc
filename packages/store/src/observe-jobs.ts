import type { Job, JobError, JobId, JobState } from '@firn/core'
import type { JobStore } from './job-store.ts'

/** A change of state, as somebody who follows a log wants it; what does not apply is left out. */
export interface JobChange {
  readonly jobId: JobId
  readonly state: JobState
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
      if (isNew) onChange(changeOf(job))
      return isNew
    },
    async save(job, expectedVersion, signal) {
      const isSaved = await store.save(job, expectedVersion, signal)
      if (isSaved) onChange(changeOf(job))
      return isSaved
    },
  }
}

function changeOf({ definition, progress }: Job): JobChange {
  const { state, generation } = progress
  const base = { jobId: definition.id, state, generation }
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
