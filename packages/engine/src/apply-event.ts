import { AppError, advance, type Job, type JobEvent, type JobId } from '@firn/core'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { mayHaveArchive } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'

/**
 * What an event did. `refused` left everything as it is: the state does not allow the event, it
 * contradicts what is recorded, another generation has begun, or the job would end although an
 * archive of it may exist.
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
    const next = await nextJob(deps, job, { generation, event }, signal)
    if (next === job) return { outcome: 'unchanged', stored }
    touchedEnd ||= isAboutEnd(job, next)
    if (next === undefined || !(await journalStep(deps, job, next, signal))) {
      // What was written about the end is not so: the journal says again what the state says.
      if (touchedEnd) await journalEnd(deps, job, signal)
      return { outcome: 'refused', stored }
    }
    if (await deps.store.save(next, version, signal)) {
      const after = { ...stored, job: next, version: version + 1, trouble: null }
      return { outcome: 'applied', stored: after }
    }
  }
  throw new AppError('STORE_UNAVAILABLE', `Job ${id} changed ${RACES_MAX} times while being saved`)
}

/** The job after the event, the same one when nothing changes, undefined when it is refused. */
async function nextJob(
  deps: JobDeps,
  job: Job,
  { generation, event }: { readonly generation: number | null; readonly event: JobEvent },
  signal: AbortSignal,
): Promise<Job | undefined> {
  if (generation !== null && generation !== job.progress.generation) return undefined
  const next = advance(job, event, deps.now())
  if (!next.ok) return undefined
  if (!isEnd(job) || isEnd(next.job)) return next.job
  // A failure may be retried, unless a store that was rolled back has forgotten a cancel.
  const entry = await deps.journal.load(job.definition.id, signal)
  return entry?.end?.state === 'cancelled' ? undefined : next.job
}

/**
 * Writes what the step leaves for later. Returns whether the step may be saved: a job does not end
 * once a Complete was intended for its upload, whatever the store says of its state, which may have
 * been rolled back. Asked when the end is noted, see `finalize-job.ts`.
 */
async function journalStep(
  deps: JobDeps,
  before: Job,
  after: Job,
  signal: AbortSignal,
): Promise<boolean> {
  const { id: jobId } = after.definition
  const { generation } = after.progress
  if (generation > before.progress.generation) {
    await deps.journal.putGeneration({ jobId, generation, atMs: after.updatedAtMs }, signal)
  }
  if (!isAboutEnd(before, after)) return true
  await journalEnd(deps, after, signal)
  if (!isEnd(after)) return true
  return !mayHaveArchive(await loadEntry(deps, jobId, signal), generation)
}

function isAboutEnd(before: Job, after: Job | undefined): boolean {
  if (after === undefined || after.progress.state === before.progress.state) return false
  return isEnd(before) || isEnd(after)
}

function isEnd({ progress: { state } }: Job): boolean {
  return state === 'failed' || state === 'cancelled'
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
