import { isFinished, type JobId, toAppError, workFor } from '@firn/core'
import type { JournalEntry } from '@firn/journal'
import type { StoredJob } from '@firn/store'
import { alignJob } from './align-job.ts'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { isBehindJournal, rebuiltJob } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'

export interface RecoverReport {
  /** Jobs that the journal knows. */
  readonly known: number
  /** Of these, put back into the store, which did not know them or not how far they are. */
  readonly rebuilt: readonly JobId[]
  /** Of these, left alone because their records cannot be read or stored; a person must look. */
  readonly failed: readonly { readonly jobId: JobId; readonly error: unknown }[]
}

/**
 * Puts back every job that the journal knows and the store does not, or of which the store knows
 * less: after a Redis that came back empty or as it was some time ago, and after an accept that
 * died half-way. Parts that Glacier holds are recorded again, not uploaded again. Unfinished jobs that
 * the store knows are indexed anew: whoever wrote one may have died before it was, and the sweeper
 * sees only what is. Finished ones, too, when the store may have lost something. Safe to repeat and
 * to run in several processes. Leaves the store's mark, by which it is noticed at once when it may
 * have lost something since.
 *
 * @param isDryRun reports what would be rebuilt and changes nothing.
 */
export async function recoverJobs(
  deps: JobDeps,
  options: { readonly isDryRun: boolean },
  signal: AbortSignal,
): Promise<RecoverReport> {
  const rebuilt: JobId[] = []
  const failed: { jobId: JobId; error: unknown }[] = []
  let known = 0
  const index = options.isDryRun ? 'none' : await whatToIndex(deps, signal)
  const begun = options.isDryRun ? null : await deps.store.beginMark(signal)
  for await (const id of deps.journal.jobIds(signal)) {
    known += 1
    try {
      if (await recover(deps, id, index, signal)) rebuilt.push(id)
    } catch (error) {
      signal.throwIfAborted()
      // One damaged record must not cost the others; without a store or a journal nothing goes on.
      const { code } = toAppError(error)
      if (code === 'STORE_UNAVAILABLE') throw error
      if (code === 'JOURNAL_UNAVAILABLE') await deps.journal.ping(signal)
      failed.push({ jobId: id, error })
    }
  }
  if (begun !== null) await deps.store.putMark(begun, signal)
  return { known, rebuilt, failed }
}

/** Which of the jobs that the store knows are indexed anew; none in a dry run. */
type Reindexed = 'none' | 'unfinished' | 'all'

async function whatToIndex({ store }: JobDeps, signal: AbortSignal): Promise<Reindexed> {
  return (await store.hasMark(signal)) ? 'unfinished' : 'all'
}

/** Returns whether the store did not know the job, or not how far it is. */
async function recover(
  deps: JobDeps,
  id: JobId,
  index: Reindexed,
  signal: AbortSignal,
): Promise<boolean> {
  const stored = await deps.store.load(id, signal)
  if (stored !== undefined) return await recheck(deps, stored, index, signal)
  const entry = await loadEntry(deps, id, signal)
  if (index !== 'none') await rebuild(deps, entry, signal)
  return true
}

/** Returns whether the store did not know how far the job is. */
async function recheck(
  deps: JobDeps,
  stored: StoredJob,
  index: Reindexed,
  signal: AbortSignal,
): Promise<boolean> {
  const { definition, progress } = stored.job
  const { state } = progress
  const isFinal = state === 'archived' || state === 'cancelled'
  const entry = isFinal ? undefined : await loadEntry(deps, definition.id, signal)
  if (entry !== undefined && isBehindJournal(stored.job, entry)) {
    // Opening a job takes over what the journal knows, with the parts that Glacier holds.
    const isLeft = state === 'queued' && !isFinished(rebuiltJob(entry, 0).progress.state)
    if (!isLeft && index !== 'none') await alignJob(deps, stored, entry, signal)
    if (!isLeft) return true
  }
  const isIndexed = index === 'all' || (index === 'unfinished' && workFor(progress) !== undefined)
  if (isIndexed) await deps.store.reindex(definition.id, signal)
  return false
}

async function rebuild(deps: JobDeps, entry: JournalEntry, signal: AbortSignal): Promise<void> {
  const job = rebuiltJob(entry, deps.now())
  await deps.store.create(job, signal)
  await enqueueWork(deps, job, signal)
}
