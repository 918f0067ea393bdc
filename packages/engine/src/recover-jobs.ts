import { type JobId, workFor } from '@firn/core'
import type { JournalEntry } from '@firn/journal'
import type { GlacierDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { jobFromJournal } from './job-from-journal.ts'
import { recordHeldParts } from './record-held-parts.ts'

export interface RecoverReport {
  /** Jobs that the journal knows. */
  readonly known: number
  /** Of these, put back into the store because it did not know them. */
  readonly rebuilt: readonly JobId[]
}

/**
 * Puts back every job that the journal knows and the store does not: after a Redis that came back
 * empty, and after an accept that died half-way. Parts that Glacier holds are recorded again, not
 * uploaded again. Unfinished jobs that the store knows are indexed anew: whoever wrote one may have
 * died before it was, and the sweeper sees only what is. Safe to repeat and to run in several
 * processes. Leaves the store's mark, by which a later loss of everything is noticed at once.
 *
 * @param isDryRun reports what would be rebuilt and changes nothing.
 */
export async function recoverJobs(
  deps: GlacierDeps,
  options: { readonly isDryRun: boolean },
  signal: AbortSignal,
): Promise<RecoverReport> {
  const rebuilt: JobId[] = []
  let known = 0
  for await (const id of deps.journal.jobIds(signal)) {
    known += 1
    const stored = await deps.store.load(id, signal)
    if (stored !== undefined) {
      const isUnfinished = workFor(stored.job.progress) !== undefined
      if (isUnfinished && !options.isDryRun) await deps.store.reindex(id, signal)
      continue
    }
    const entry = await deps.journal.load(id, signal)
    if (entry === undefined) continue
    rebuilt.push(id)
    if (!options.isDryRun) await rebuild(deps, entry, signal)
  }
  if (!options.isDryRun) await deps.store.putMark(signal)
  return { known, rebuilt }
}

async function rebuild(deps: GlacierDeps, entry: JournalEntry, signal: AbortSignal): Promise<void> {
  const job = jobFromJournal(entry, deps.now())
  // A crash after this leaves a job whose parts are uploaded again at worst.
  if (await deps.store.create(job, signal)) await recordHeldParts(deps, job, signal)
  await enqueueWork(deps, job, signal)
}
