import { openDirectoryJournal } from './directory-journal.ts'
import type { OpenJournal } from './journal.ts'
import { parseJournalUrl } from './journal-url.ts'

/**
 * Opens the journal that a URL names: `file:<directory>` or `s3://<bucket>/<prefix>`. Throws when it
 * names none; rejects with JOURNAL_UNAVAILABLE when it cannot be opened, or cannot keep what
 * {@link Journal} promises, and with the signal's reason when aborted.
 */
export async function openJournal(url: string, signal: AbortSignal): Promise<OpenJournal> {
  const location = parseJournalUrl(url)
  if (location.type === 'directory') {
    const journal = await openDirectoryJournal(location)
    return { ...journal, async [Symbol.asyncDispose]() {} }
  }
  // Amazon's client takes time and memory to load: only processes that use it pay for it.
  const { openS3Journal } = await import('./s3-journal.ts')
  return await openS3Journal(location, signal)
}
