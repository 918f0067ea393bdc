import { AppError, type JobId } from '@firn/core'
import type { JournalEntry } from '@firn/journal'
import type { JobDeps } from './deps.ts'

/**
 * What the journal knows of a job that was accepted, and is in it therefore. A journal that does
 * not know the job is another one, and what it does not say proves nothing: nobody may go on.
 *
 * @throws AppError JOURNAL_UNAVAILABLE, also when the journal does not know the job.
 */
export async function loadEntry(
  deps: Pick<JobDeps, 'journal'>,
  id: JobId,
  signal: AbortSignal,
): Promise<JournalEntry> {
  const entry = await deps.journal.load(id, signal)
  if (entry !== undefined) return entry
  throw new AppError(
    'JOURNAL_UNAVAILABLE',
    `The journal does not know job ${id}: do all processes share one JOURNAL_URL?`,
  )
}
