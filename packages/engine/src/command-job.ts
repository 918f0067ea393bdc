import { AppError, type JobId } from '@firn/core'
import type { StoredJob } from '@firn/store'
import { loadAligned } from './align-job.ts'
import { applyEvent } from './apply-event.ts'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

/** What people may ask of a job. */
export type JobCommand = 'pause' | 'resume' | 'cancel' | 'retry'

/**
 * Carries out a command, once: repeating it changes nothing. Parts in flight end within about a
 * second of a cancel; after a pause they finish and are recorded.
 *
 * @throws AppError JOB_NOT_FOUND, or JOB_STATE_CONFLICT when the job's state does not allow it, or
 * when it may have become an archive, whatever the store says of its state.
 */
export async function commandJob(
  deps: JobDeps,
  id: JobId,
  command: JobCommand,
  signal: AbortSignal,
): Promise<StoredJob> {
  // A store that was rolled back may say "failed" of what was cancelled, or is archived. The others
  // neither end a job nor begin it again.
  if (command === 'cancel' || command === 'retry') await loadAligned(deps, id, signal)
  const { outcome, stored } = await applyEvent(deps, id, null, { type: command }, signal)
  if (outcome === 'refused') {
    const { state } = stored.job.progress
    const settled = command === 'cancel' ? await loadAligned(deps, id, signal) : undefined
    // Noted before the job went on to be completed: the cancel stands.
    if (settled?.job.progress.state === 'cancelled') return settled
    // One that is paused and may be archived already has to find out.
    if (command === 'cancel' && state === 'paused') {
      await commandJob(deps, id, 'resume', signal)
    }
    throw new AppError('JOB_STATE_CONFLICT', refusal(command, state))
  }
  await enqueueWork(deps, stored.job, signal)
  return stored
}

function refusal(command: JobCommand, state: string): string {
  const isUnexpected = command === 'cancel' && ['queued', 'uploading', 'paused'].includes(state)
  return isUnexpected
    ? 'Cannot cancel a job that may be archived already'
    : `Cannot ${command} a job that is ${state}`
}
