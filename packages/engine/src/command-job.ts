import { AppError, isFinished, type JobId } from '@firn/core'
import type { StoredJob } from '@firn/store'
import { alignJob, putBack } from './align-job.ts'
import { applyEvent } from './apply-event.ts'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { mayHaveArchive } from './job-from-journal.ts'

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
  // The others neither end a job nor begin it again.
  if (command === 'cancel' || command === 'retry') await align(deps, id, signal)
  if (command === 'cancel') await requireNoArchive(deps, id, signal)
  const { outcome, stored } = await applyEvent(deps, id, null, { type: command }, signal)
  if (outcome === 'refused') {
    const { state } = stored.job.progress
    throw new AppError('JOB_STATE_CONFLICT', `Cannot ${command} a job that is ${state}`)
  }
  await enqueueWork(deps, stored.job, signal)
  return stored
}

/** A store that was rolled back may say "failed" of a job that was cancelled, or is archived. */
async function align(deps: JobDeps, id: JobId, signal: AbortSignal): Promise<void> {
  const stored = await deps.store.load(id, signal)
  const entry = stored && (await deps.journal.load(id, signal))
  if (stored !== undefined && entry !== undefined) await alignJob(deps, stored, entry, signal)
}

/**
 * Refuses to cancel what may have become an archive, whatever the store says: it may have been
 * rolled back. The job goes on from what the journal knows.
 */
async function requireNoArchive(deps: JobDeps, id: JobId, signal: AbortSignal): Promise<void> {
  const stored = await deps.store.load(id, signal)
  const entry = stored && (await deps.journal.load(id, signal))
  if (stored === undefined || entry === undefined) return
  const { state, generation } = stored.job.progress
  const isEnding = state === 'finalizing' || state === 'reconciling' || isFinished(state)
  if (isEnding || !mayHaveArchive(entry, generation)) return
  await putBack(deps, stored, entry, signal)
  throw new AppError('JOB_STATE_CONFLICT', 'Cannot cancel a job that may be archived already')
}
