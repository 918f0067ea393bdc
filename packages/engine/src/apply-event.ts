import { AppError, advance, type Job, type JobEvent, type JobId } from '@firn/core'
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
  let touchedEnd = false
  for (let race = 0; race < RACES_MAX; race += 1) {
    const stored = await deps.store.load(id, signal)
    if (stored === undefined) throw new AppError('JOB_NOT_FOUND', `There is no job ${id}`)
    const { job, version } = stored
    const next = nextJob(job, generation, event, deps.now())
    if (next === undefined) {
      // What was written about the end lost its race: the journal says again what the state says.
      if (touchedEnd) await journalEnd(deps, job, signal)
      return { outcome: 'refused', stored }
    }
    if (next === job) return { outcome: 'unchanged', stored }

    touchedEnd = (await journalStep(deps, job, next, signal)) || touchedEnd
    if (await deps.store.save(next, version, signal)) {
      const after = { ...stored, job: next, version: version + 1, trouble: null }
      return { outcome: 'applied', stored: after }
    }
  }
  throw new AppError('STORE_UNAVAILABLE', `Job ${id} changed ${RACES_MAX} times while being saved`)
}

/** The job after the event, the same one when nothing changes, undefined when it is refused. */
function nextJob(
  job: Job,
  generation: number | null,
  event: JobEvent,
  nowMs: number,
): Job | undefined {
  if (generation !== null && generation !== job.progress.generation) return undefined
  const next = advance(job, event, nowMs)
  return next.ok ? next.job : undefined
}

/** Writes what the step leaves for later; true when that is about how the job ended. */
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
  const isAbout = (one: Job) =>
    one.progress.state === 'failed' || one.progress.state === 'cancelled'
  if (state === before.progress.state || !(isAbout(before) || isAbout(after))) return false
  await journalEnd(deps, after, signal)
  return true
}

/** Makes the journal say of a job's end what its state says. */
async function journalEnd(deps: JobDeps, job: Job, signal: AbortSignal): Promise<void> {
  const { id: jobId } = job.definition
  const { progress, updatedAtMs: atMs } = job
  const { generation, state } = progress
  if (state !== 'failed' && state !== 'cancelled')
    return await deps.journal.deleteEnd(jobId, signal)
  const error = progress.state === 'failed' ? progress.error : null
  await deps.journal.putEnd({ jobId, generation, state, error, atMs }, signal)
}
