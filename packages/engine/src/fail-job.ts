import type { AppError } from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import { applyEvent } from './apply-event.ts'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

/**
 * Ends a job with its reason. A failure that was worth retrying keeps the upload and its parts
 * for a `retry`; any other has the upload aborted, so that nothing is left behind.
 */
export async function failJob(
  deps: JobDeps,
  ref: JobRef,
  error: AppError,
  signal: AbortSignal,
): Promise<void> {
  const isRetryable = error.disposition !== 'reject'
  const reason = { code: error.code, message: error.message, isRetryable }
  const event = { type: 'failed', error: reason } as const
  const { stored } = await applyEvent(deps, ref.jobId, ref.generation, event, signal)
  await enqueueWork(deps, stored.job, signal)
}

/** Whether a failure ends the job now: it can never succeed, or its last counted attempt is over. */
export function isFinal(error: AppError, run: RunContext): boolean {
  return error.disposition === 'reject' || (error.disposition === 'retry' && run.isLastAttempt)
}
