import { AppError, isFinished, type Job, toAppError, uploadOf } from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import { alignJob } from './align-job.ts'
import { applyEvent } from './apply-event.ts'
import type { GlacierDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { mayHaveArchive } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'
import { loseIfGone } from './lose-upload.ts'

/**
 * Ends a job with its reason. A failure that was worth retrying keeps the upload and its parts
 * for a `retry`; any other has the upload aborted, so that nothing is left behind. A job that is
 * being completed does not fail; of one that was, no archive may exist.
 */
export async function failJob(
  deps: GlacierDeps,
  ref: JobRef,
  error: AppError,
  signal: AbortSignal,
): Promise<void> {
  const generation = await fence(deps, ref, signal)
  if (generation === undefined) return
  const isRetryable = error.disposition !== 'reject'
  const reason = { code: error.code, message: error.message, isRetryable }
  const event = { type: 'failed', error: reason } as const
  const { outcome, stored } = await applyEvent(deps, ref.jobId, generation, event, signal)
  // A state that cannot fail has other plans; the queue's patience is better than none.
  const { progress } = stored.job
  const isOurs = progress.generation === generation && !isFinished(progress.state)
  if (outcome === 'refused' && isOurs) throw undecided(`is ${progress.state}`, error)
  await enqueueWork(deps, stored.job, signal)
}

/**
 * The generation that may fail, since no archive of the job can exist; undefined when none may. If
 * a Complete was ever intended, aborting the upload is the proof: one that could be aborted became
 * nothing, and another generation begins. One that is gone may have become the archive.
 */
async function fence(
  deps: GlacierDeps,
  ref: JobRef,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { jobId, generation } = ref
  const stored = await deps.store.load(jobId, signal)
  const progress = stored?.job.progress
  // Lost with Redis, or restarted: this run knows nothing about what is there now.
  if (stored === undefined || progress?.generation !== generation) return undefined
  const entry = await loadEntry(deps, jobId, signal)
  if (await alignJob(deps, stored, entry, signal)) return undefined
  if (!mayHaveArchive(entry, generation)) return generation
  const isOpen = progress.state === 'uploading' || progress.state === 'paused'
  return isOpen ? await abandonUpload(deps, stored.job, signal) : generation
}

/** The generation after this one, if its upload could be aborted, else undefined. */
async function abandonUpload(
  deps: GlacierDeps,
  job: Job,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { id, vault } = job.definition
  const { generation } = job.progress
  const uploadId = uploadOf(job.progress)?.uploadId
  if (uploadId === undefined) return generation
  try {
    await deps.glacier.abortUpload({ vault, uploadId }, signal)
  } catch (error) {
    const reason = toAppError(error)
    if (await loseIfGone(deps, job, reason, signal)) return undefined
    throw reason.disposition === 'reject' ? undecided('may be archived', reason) : reason
  }
  const lost = await applyEvent(deps, id, generation, { type: 'upload-lost' }, signal)
  return lost.outcome === 'applied' ? generation + 1 : undefined
}

function undecided(why: string, cause: AppError): AppError {
  return new AppError('OUTCOME_UNKNOWN', `A job that ${why} cannot fail: ${cause.message}`, {
    cause,
  })
}

/** Whether a failure ends the job now: it can never succeed, or its last counted attempt is over. */
export function isFinal(error: AppError, run: RunContext): boolean {
  const { disposition } = error
  if (disposition === 'retry') return run.isLastAttempt
  return disposition === 'reject' || (disposition === 'outage' && run.isPatienceOver)
}
