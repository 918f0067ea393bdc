export { openDirectoryJournal } from './directory-journal.ts'
export type {
  EndRecord,
  GenerationRecord,
  IntentRecord,
  Journal,
  JournalEntry,
  Receipt,
  UploadRecord,
} from './journal.ts'
export { createMemoryJournal } from './memory-journal.ts'
export { journalDirectory, openJournal } from './open-journal.ts'
