import { AppError, advance, type Job, type JobEvent, type JobId, uploadOf } from '@firn/core'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'

/**
 * What an event did. `refused` left everything as it is: the state does not allow the event, it
 * contradicts what is recorded, or another generation has begun.
 */
export type Applied =
  | { readonly outcome: 'applied' | 'unchanged'; readonly stored: StoredJob }
  | { readonly outcome: 'refused'; readonly stored: StoredJob }

/** Each lost race means that somebody else made progress, so this many in a row is a bug. */
const RACES_MAX = 50

/**
 * Moves a job by one event: load, step, journal what must outlive Redis, compare-and-set, again
 * when somebody else was faster. The journal is written first: a crash in between leaves a record
 * of what was about to happen, and the same event again completes it.
 *
 * @param generation null when the event is about the job whatever its generation, as commands are.
 * @throws AppError JOB_NOT_FOUND, STORE_UNAVAILABLE, JOURNAL_UNAVAILABLE.
 */
export async function applyEvent(
  deps: JobDeps,
  id: JobId,
  generation: number | null,
  event: JobEvent,
  signal: AbortSignal,
): Promise<Applied> {
  let isEnding = false
  for (let race = 0; race < RACES_MAX; race += 1) {
    const stored = await deps.store.load(id, signal)
    if (stored === undefined) throw new AppError('JOB_NOT_FOUND', `There is no job ${id}`)
    const { job, version } = stored
    if (generation !== null && generation !== job.progress.generation) {
      return { outcome: 'refused', stored }
    }
    const next = advance(job, event, deps.now())
    if (!next.ok) {
      // An end that lost its race to a state that cannot end so is void.
      if (isEnding) await deps.journal.deleteEnd(id, signal)
      return { outcome: 'refused', stored }
    }
    if (next.job === job) return { outcome: 'unchanged', stored }

    isEnding = await journalStep(deps, job, next.job, signal)
    if (await deps.store.save(next.job, version, signal)) {
      return {
        outcome: 'applied',
        stored: { ...stored, job: next.job, version: version + 1, trouble: null },
      }
    }
  }
  throw new AppError('STORE_UNAVAILABLE', `Job ${id} changed ${RACES_MAX} times while being saved`)
}

/** Writes what the step leaves for later; true when that says that the job ended. */
async function journalStep(
  deps: JobDeps,
  before: Job,
  after: Job,
  signal: AbortSignal,
): Promise<boolean> {
  const { id: jobId } = after.definition
  const { generation, state } = after.progress
  if (generation > before.progress.generation) {
    await deps.journal.putGeneration({ jobId, generation, atMs: after.updatedAtMs }, signal)
  }
  const upload = uploadOf(after.progress)
  if (upload !== null && upload.uploadId !== uploadOf(before.progress)?.uploadId) {
    await deps.journal.putUpload({ jobId, generation, upload }, signal)
  }
  if (state === before.progress.state) return false
  if (state === 'failed' || state === 'cancelled') {
    const error = after.progress.state === 'failed' ? after.progress.error : null
    await deps.journal.putEnd({ jobId, generation, state, error, atMs: after.updatedAtMs }, signal)
    return true
  }
  if (before.progress.state === 'failed') await deps.journal.deleteEnd(jobId, signal)
  return false
}
