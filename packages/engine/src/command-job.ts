import { AppError, type JobId } from '@firn/core'
import type { StoredJob } from '@firn/store'
import { applyEvent } from './apply-event.ts'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

/** What people may ask of a job. */
export type JobCommand = 'pause' | 'resume' | 'cancel' | 'retry'

/**
 * Carries out a command, once: repeating it changes nothing. Parts in flight end within about a
 * second of a cancel; after a pause they finish and are recorded.
 *
 * @throws AppError JOB_NOT_FOUND, or JOB_STATE_CONFLICT when the job's state does not allow it.
 */
export async function commandJob(
  deps: JobDeps,
  id: JobId,
  command: JobCommand,
  signal: AbortSignal,
): Promise<StoredJob> {
  const { outcome, stored } = await applyEvent(deps, id, null, { type: command }, signal)
  if (outcome === 'refused') {
    const { state } = stored.job.progress
    throw new AppError('JOB_STATE_CONFLICT', `Cannot ${command} a job that is ${state}`)
  }
  await enqueueWork(deps, stored.job, signal)
  return stored
}
