import { type AppError, toAppError } from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import type { GlacierDeps } from './deps.ts'
import { failJob, isFinal } from './fail-job.ts'

/**
 * What every run does with a failure: ends the job when it is final, else notes it where people
 * look for the reason of a delay, and throws it for the queue, which repeats the run.
 */
export async function failOrRepeat(
  deps: GlacierDeps,
  ref: JobRef,
  run: RunContext,
  error: AppError,
): Promise<void> {
  // The job was lost under the run, with Redis; it is rebuilt from the journal.
  if (error.code === 'JOB_NOT_FOUND') return
  if (!isFinal(error, run)) return await noteAndThrow(deps, ref, run, error)
  try {
    await failJob(deps, ref, error, run.signal)
  } catch (cause) {
    run.signal.throwIfAborted()
    await noteAndThrow(deps, ref, run, toAppError(cause))
  }
}

/** Notes the failure where people look for the reason of a delay, and throws it for the queue. */
export async function noteAndThrow(
  deps: GlacierDeps,
  ref: JobRef,
  run: RunContext,
  error: AppError,
): Promise<never> {
  const trouble = { code: error.code, message: error.message, isRetryable: true }
  // Without a store there is nobody to tell; the failure itself is what counts.
  await deps.store.noteTrouble(ref, trouble, run.signal).catch(() => undefined)
  throw error
}
