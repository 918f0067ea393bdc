import { fileURLToPath } from 'node:url'
import { openDirectoryJournal } from './directory-journal.ts'
import type { Journal } from './journal.ts'

/**
 * Opens the journal that a URL names: `file:` and a path, absolute or relative to the working
 * directory. Throws when it names none; rejects with JOURNAL_UNAVAILABLE when it cannot be opened.
 */
export async function openJournal(url: string): Promise<Journal> {
  return await openDirectoryJournal({ directory: journalDirectory(url) })
}

/** The directory that a journal's URL names, for a look at its disk. Throws when it names none. */
export function journalDirectory(url: string): string {
  if (!url.startsWith('file:')) {
    throw new Error(`JOURNAL_URL is "${url}", allowed is file:<directory>`)
  }
  const directory = url.startsWith('file://') ? fileURLToPath(url) : url.slice('file:'.length)
  if (directory === '') throw new Error(`JOURNAL_URL is "${url}", which names no directory`)
  return directory
}
