import type { AppError } from '@firn/core'
import type { JobRef } from '@firn/queue'
import type { GlacierDeps } from './deps.ts'
import { failJob } from './fail-job.ts'

/**
 * Ends a job of which one run cannot be made. Only a job that is queued or uploading has a use for
 * the run: in any other state it would have done nothing, and the job stays as it is.
 */
export async function giveUpJob(
  deps: GlacierDeps,
  ref: JobRef,
  reason: AppError,
  signal: AbortSignal,
): Promise<void> {
  const stored = await deps.store.load(ref.jobId, signal)
  const progress = stored?.job.progress
  if (progress?.generation !== ref.generation) return
  if (progress.state !== 'queued' && progress.state !== 'uploading') return
  await failJob(deps, ref, reason, signal)
}
