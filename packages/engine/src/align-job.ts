import type { JobId } from '@firn/core'
import type { JournalEntry } from '@firn/journal'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { isBehindJournal, rebuiltJob } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'

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
  const rebuilt = rebuiltJob(entry, deps.now())
  const isSaved = await deps.store.save(rebuilt, stored.version, signal)
  if (isSaved) await enqueueWork(deps, rebuilt, signal)
  return true
}

/** The job as it is once the journal was asked about it, or undefined when there is none. */
export async function loadAligned(
  deps: JobDeps,
  id: JobId,
  signal: AbortSignal,
): Promise<StoredJob | undefined> {
  const stored = await deps.store.load(id, signal)
  if (stored === undefined) return undefined
  const isBehind = await alignJob(deps, stored, await loadEntry(deps, id, signal), signal)
  return isBehind ? await deps.store.load(id, signal) : stored
}
