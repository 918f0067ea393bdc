import type { Job } from '@firn/core'
import type { JournalEntry } from '@firn/journal'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { isBehindJournal, rebuiltJob } from './job-from-journal.ts'

/**
 * Lets the journal decide about a job of which the store knows less: after a failover to a replica
 * that lagged, or a restart from an older copy, what the store says may have been overtaken. The
 * entry must have been read after the job. Returns false, and changes nothing, for a job that is
 * not behind.
 */
export async function alignJob(
  deps: JobDeps,
  stored: StoredJob,
  entry: JournalEntry,
  signal: AbortSignal,
): Promise<boolean> {
  if (!isBehindJournal(stored.job, entry)) return false
  await putBack(deps, stored, entry, signal)
  return true
}

/** Puts the job where the journal proves it to be, unless somebody else moves it meanwhile. */
export async function putBack(
  deps: JobDeps,
  { version }: StoredJob,
  entry: JournalEntry,
  signal: AbortSignal,
): Promise<void> {
  const rebuilt: Job = rebuiltJob(entry, deps.now())
  if (await deps.store.save(rebuilt, version, signal)) await enqueueWork(deps, rebuilt, signal)
}
