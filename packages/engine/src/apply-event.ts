import { AppError, advance, isFinished, type Job, type JobEvent, type JobId } from '@firn/core'
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
  let isFailureNoted = false
  for (let race = 0; race < RACES_MAX; race += 1) {
    const stored = await deps.store.load(id, signal)
    if (stored === undefined) throw new AppError('JOB_NOT_FOUND', `There is no job ${id}`)
    const { job, version } = stored
    const next = await nextJob(deps, job, { generation, event }, signal)
    if (next === job) return { outcome: 'unchanged', stored }
    isFailureNoted ||= next !== undefined && hasNewFailure(job, next)
    if (next === undefined || !(await journalStep(deps, job, next, signal))) {
      // What was noted is not so: the journal says again what the state says.
      if (isFailureNoted) await journalFailure(deps, job, signal)
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
  if (job.progress.state !== 'failed' || isFinished(next.job.progress.state)) return next.job
  // A failure may be retried, unless a store that was rolled back has forgotten a cancel.
  const entry = await loadEntry(deps, job.definition.id, signal)
  return provenEnd(entry)?.state === 'cancelled' ? undefined : next.job
}

/**
 * Writes what the step leaves for later. Returns whether the step may be saved: a job does not end
 * once a Complete was intended for its upload, whatever the store says of its state, which may have
 * been rolled back. A cancel and an intent exclude each other; a failure, which a retry takes back,
 * is noted before the intent is looked for, see `finalize-job.ts`.
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
  const { state } = after.progress
  if (state === before.progress.state) return true
  if (state === 'cancelled') {
    const cancel = { jobId, generation, cancelledAtMs: after.updatedAtMs }
    if (!(await deps.journal.putCancel(cancel, signal))) return false
  } else if (state === 'failed' || before.progress.state === 'failed') {
    await journalFailure(deps, after, signal)
  }
  if (state !== 'cancelled' && state !== 'failed') return true
  return !mayHaveArchive(await loadEntry(deps, jobId, signal), generation)
}

function hasNewFailure(before: Job, after: Job): boolean {
  return after.progress.state === 'failed' && before.progress.state !== 'failed'
}

/** Makes the journal say of a job's failure what its state says. */
async function journalFailure(deps: JobDeps, job: Job, signal: AbortSignal): Promise<void> {
  const { definition, progress, updatedAtMs: atMs } = job
  const { id: jobId } = definition
  if (progress.state !== 'failed') return await deps.journal.deleteFailure(jobId, signal)
  const { generation, error } = progress
  await deps.journal.putFailure({ jobId, generation, error, atMs }, signal)
}
