import { AppError, advance, type Job, type JobEvent, type JobId } from '@firn/core'
import type { EndRecord } from '@firn/journal'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { mayHaveArchive, provenEnd } from './job-from-journal.ts'
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
  let noted: EndRecord | null = null
  for (let race = 0; race < RACES_MAX; race += 1) {
    const stored = await deps.store.load(id, signal)
    if (stored === undefined) throw new AppError('JOB_NOT_FOUND', `There is no job ${id}`)
    const { job, version } = stored
    const next = await nextJob(deps, job, { generation, event }, signal)
    if (next === job) return { outcome: 'unchanged', stored }
    noted = newEnd(job, next) ?? noted
    if (next === undefined || !(await journalStep(deps, job, next, signal))) {
      if (noted !== null) await takeBack(deps, job, noted, signal)
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
  if (endOf(job) === null || endOf(next.job) !== null) return next.job
  // A failure may be retried, unless a store that was rolled back has forgotten a cancel.
  const entry = await loadEntry(deps, job.definition.id, signal)
  return provenEnd(entry)?.state === 'cancelled' ? undefined : next.job
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
  if (before.progress.state === after.progress.state) return true
  const ended = endOf(before)
  const end = newEnd(before, after)
  if (end !== null) {
    await deps.journal.putEnd(end, signal)
    return !mayHaveArchive(await loadEntry(deps, jobId, signal), generation)
  }
  if (ended !== null) await deps.journal.deleteEnd(jobId, ended.state, signal)
  return true
}

/** What was noted did not come to be, unless somebody else brought it about in his way. */
async function takeBack(
  deps: JobDeps,
  job: Job,
  { jobId, state }: EndRecord,
  signal: AbortSignal,
): Promise<void> {
  const end = endOf(job)
  if (end?.state === state) await deps.journal.putEnd(end, signal)
  else await deps.journal.deleteEnd(jobId, state, signal)
}

/** The end that a step would bring about. */
function newEnd({ progress: { state } }: Job, after: Job | undefined): EndRecord | null {
  return after === undefined || after.progress.state === state ? null : endOf(after)
}

/** The end of a job that has no archive. */
function endOf({ definition, progress, updatedAtMs: atMs }: Job): EndRecord | null {
  const { generation, state } = progress
  if (state !== 'failed' && state !== 'cancelled') return null
  const error = progress.state === 'failed' ? progress.error : null
  return { jobId: definition.id, generation, state, error, atMs }
}
