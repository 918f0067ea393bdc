import { isFinished, type Job, type JobId, parseMarker, uploadOf } from '@firn/core'
import type { OpenUpload } from '@firn/glacier'
import type { JobDeps } from './deps.ts'

/** The job that made an upload, and what the upload is to it. */
export interface UploadOwner {
  readonly jobId: JobId
  /** The job neither has it nor may still adopt it. */
  readonly isOrphan: boolean
  /** Aborting it would cost the job its parts, now or when it is retried. */
  readonly isNeeded: boolean
}

/**
 * Whose upload this is, by the marker in its description; undefined for one that no job of this
 * store made: another Firn's, or somebody else's.
 */
export async function ownerOf(
  deps: Pick<JobDeps, 'store'>,
  vault: string,
  upload: Pick<OpenUpload, 'uploadId' | 'description'>,
  signal: AbortSignal,
): Promise<UploadOwner | undefined> {
  const marker = parseMarker(upload.description)
  if (marker === undefined) return undefined
  const { jobId, generation } = marker
  const stored = await deps.store.load(jobId, signal)
  if (stored === undefined || stored.job.definition.vault !== vault) return undefined
  const isOrphan = !mayOwn(stored.job, upload.uploadId, generation)
  return { jobId, isOrphan, isNeeded: !isOrphan && mayContinue(stored.job) }
}

/** Whether the job has this upload, had it when it ended, or may still adopt it. */
function mayOwn({ progress }: Job, uploadId: string, generation: number): boolean {
  // A store that was rolled back may say so of a job that has gone on; it is put right before long.
  if (generation > progress.generation) return !isFinished(progress.state)
  const isOver = progress.state === 'failed' || progress.state === 'cancelled'
  // Somebody said so who was wrong, if it is still there.
  if (isOver && progress.fate === 'gone') return false
  const own = uploadOf(progress)
  if (own !== null) return own.uploadId === uploadId
  const mayAdopt = progress.state === 'queued' || progress.state === 'paused'
  return mayAdopt && generation === progress.generation
}

function mayContinue({ progress }: Job): boolean {
  if (progress.state === 'failed') return progress.fate === 'kept'
  return !isFinished(progress.state)
}
