import { type Job, type JobError, type Progress, uploadOf } from '@firn/core'
import type { JobView, ProgressEventView } from './views.ts'

/** What the store counts of a job besides the job itself; the store's `StoredJob` fits. */
export interface CountedJob {
  readonly job: Job
  readonly counts: {
    readonly uploadedParts: number
    readonly uploadedBytes: number
    readonly bytesPerSecond: number | null
  }
  readonly trouble: JobError | null
}

/** The API's view of a job. Pure. */
export function jobToView(counted: CountedJob): JobView {
  const { definition, priority, progress, updatedAtMs, finishedAtMs } = counted.job
  const upload = uploadOf(progress)
  const archive = progress.state === 'archived' ? progress.archive : null
  return {
    id: definition.id,
    state: progress.state,
    vault: definition.vault,
    source: { type: definition.source.type, path: definition.source.path },
    description: definition.description === '' ? null : definition.description,
    labels: { ...definition.labels },
    priority,
    size: upload?.plan.sizeBytes ?? null,
    partSize: upload?.plan.partSizeBytes ?? definition.partSizeBytes,
    ...progressOf(counted),
    uploadId: upload?.uploadId ?? null,
    archiveId: archive?.archiveId ?? null,
    location: archive?.location ?? null,
    sha256TreeHash: treeHashOf(progress),
    error: errorOf(counted),
    createdAt: isoTime(definition.createdAtMs),
    updatedAt: isoTime(updatedAtMs),
    finishedAt: finishedAtMs === null ? null : isoTime(finishedAtMs),
  }
}

/** How far a job is, for the SSE `progress` event. Pure. */
export function jobToProgressEvent(counted: CountedJob): ProgressEventView {
  return { jobId: counted.job.definition.id, ...progressOf(counted) }
}

function progressOf({ job, counts }: CountedJob): Omit<ProgressEventView, 'jobId'> {
  const { progress } = job
  const plan = uploadOf(progress)?.plan
  const isWhole = progress.state === 'archived'
  const uploadedBytes = isWhole ? (plan?.sizeBytes ?? 0) : counts.uploadedBytes
  const bytesPerSecond = progress.state === 'uploading' ? counts.bytesPerSecond : null
  return {
    parts: {
      total: plan?.partCount ?? null,
      uploaded: isWhole ? (plan?.partCount ?? 0) : counts.uploadedParts,
    },
    bytes: { total: plan?.sizeBytes ?? null, uploaded: uploadedBytes },
    bytesPerSecond,
    etaSeconds: etaSeconds((plan?.sizeBytes ?? 0) - uploadedBytes, bytesPerSecond),
  }
}

/** Null while nothing is known to move: no estimate is better than an endless one. */
function etaSeconds(remainingBytes: number, bytesPerSecond: number | null): number | null {
  if (bytesPerSecond === null || bytesPerSecond <= 0) return null
  return Math.ceil(Math.max(0, remainingBytes) / bytesPerSecond)
}

function treeHashOf(progress: Progress): string | null {
  switch (progress.state) {
    case 'finalizing':
    case 'reconciling':
      return progress.treeHash
    case 'archived':
      return progress.archive.treeHash
    default:
      return null
  }
}

/** Why it failed; of a job that is at work, why its latest run did. */
function errorOf({ job: { progress }, trouble }: CountedJob): JobView['error'] {
  const error = progress.state === 'failed' ? progress.error : isAtWork(progress) ? trouble : null
  if (error === null) return null
  const { code, message, isRetryable } = error
  return { code, message, retryable: isRetryable }
}

function isAtWork({ state }: Progress): boolean {
  return state !== 'archived' && state !== 'cancelled'
}

function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString()
}
