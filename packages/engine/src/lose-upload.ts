import { type AppError, type Job, uploadOf } from '@firn/core'
import type { JobRef } from '@firn/queue'
import { alignJob } from './align-job.ts'
import { applyEvent } from './apply-event.ts'
import type { GlacierDeps, JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { isUploadGone } from './is-upload-gone.ts'
import { loadEntry } from './load-entry.ts'

/** Loses the job's upload if that is why a run for it failed; whether it was so. */
export async function loseIfGone(
  deps: GlacierDeps,
  { definition, progress }: Job,
  reason: AppError,
  signal: AbortSignal,
): Promise<boolean> {
  const { id: jobId, vault } = definition
  const uploadId = uploadOf(progress)?.uploadId
  if (reason.code !== 'GLACIER_UPLOAD_NOT_FOUND' || uploadId === undefined) return false
  if (!(await isUploadGone(deps, { vault, uploadId }, signal))) return false
  await loseUpload(deps, { jobId, generation: progress.generation }, signal)
  return true
}

/**
 * Glacier no longer knows the upload of a job that is still uploading. If no Complete was ever
 * intended for it, it expired and can become nothing: the job starts over with a new generation.
 * Otherwise it may have become the archive, and the finalizer has to find out. A job that ended,
 * which is why its upload is gone, has ended, whatever a store that was rolled back says.
 */
export async function loseUpload(deps: JobDeps, ref: JobRef, signal: AbortSignal): Promise<void> {
  const before = await deps.store.load(ref.jobId, signal)
  if (before?.job.progress.generation !== ref.generation) return
  const entry = await loadEntry(deps, ref.jobId, signal)
  if (await alignJob(deps, before, entry, signal)) return
  const intent = entry.intents.find((record) => record.generation === ref.generation)
  const event =
    intent === undefined
      ? ({ type: 'upload-lost' } as const)
      : ({ type: 'sealed', treeHash: intent.treeHash } as const)
  const { stored } = await applyEvent(deps, ref.jobId, ref.generation, event, signal)
  await enqueueWork(deps, stored.job, signal)
}
