import { AppError, isFinished, toAppError, uploadOf } from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import { alignJob, putBack } from './align-job.ts'
import { applyEvent } from './apply-event.ts'
import type { GlacierDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { mayHaveArchive } from './job-from-journal.ts'

/**
 * Ends a job with its reason. A failure that was worth retrying keeps the upload and its parts
 * for a `retry`; any other has the upload aborted, so that nothing is left behind.
 */
export async function failJob(
  deps: GlacierDeps,
  ref: JobRef,
  error: AppError,
  signal: AbortSignal,
): Promise<void> {
  if (!(await isFenced(deps, ref, signal))) return
  const isRetryable = error.disposition !== 'reject'
  const reason = { code: error.code, message: error.message, isRetryable }
  const event = { type: 'failed', error: reason } as const
  const { outcome, stored } = await applyEvent(deps, ref.jobId, ref.generation, event, signal)
  // A state that cannot fail has other plans; the queue's patience is better than none.
  const { state, generation } = stored.job.progress
  if (outcome === 'refused' && generation === ref.generation && !isFinished(state)) {
    throw new AppError('OUTCOME_UNKNOWN', `A job that is ${state} cannot fail: ${error.message}`, {
      cause: error,
    })
  }
  await enqueueWork(deps, stored.job, signal)
}

/**
 * Whether the job may fail: no archive of it can exist. If a Complete was ever intended while the
 * store says that the job has not come so far, aborting the upload is the proof: an upload that
 * could be aborted became nothing. One that is gone may have become the archive, and the job goes
 * on from what the journal knows.
 */
async function isFenced(deps: GlacierDeps, ref: JobRef, signal: AbortSignal): Promise<boolean> {
  const stored = await deps.store.load(ref.jobId, signal)
  const progress = stored?.job.progress
  // Lost with Redis, or restarted: this run knows nothing about what is there now.
  if (stored === undefined || progress?.generation !== ref.generation) return false
  const isAhead = progress.state === 'finalizing' || progress.state === 'reconciling'
  const entry = isAhead ? undefined : await deps.journal.load(ref.jobId, signal)
  if (entry === undefined) return true
  if (await alignJob(deps, stored, entry, signal)) return false
  if (!mayHaveArchive(entry, ref.generation)) return true
  const uploadId = uploadOf(progress)?.uploadId
  if (entry.receipt === null && uploadId !== undefined) {
    try {
      await deps.glacier.abortUpload({ vault: stored.job.definition.vault, uploadId }, signal)
      return true
    } catch (error) {
      if (toAppError(error).code !== 'GLACIER_UPLOAD_NOT_FOUND') throw error
    }
  }
  await putBack(deps, stored, entry, signal)
  return false
}

/** Whether a failure ends the job now: it can never succeed, or its last counted attempt is over. */
export function isFinal(error: AppError, run: RunContext): boolean {
  const { disposition } = error
  if (disposition === 'retry') return run.isLastAttempt
  return disposition === 'reject' || (disposition === 'outage' && run.isPatienceOver)
}
