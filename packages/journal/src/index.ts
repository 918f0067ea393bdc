export { openDirectoryJournal } from './directory-journal.ts'
export type {
  CancelRecord,
  FailureRecord,
  GenerationRecord,
  IntentRecord,
  Journal,
  JournalEntry,
  OpenJournal,
  Receipt,
  UploadRecord,
} from './journal.ts'
export { journalDirectory } from './journal-url.ts'
export { createMemoryJournal } from './memory-journal.ts'
export { openJournal } from './open-journal.ts'
