export type {
  EndRecord,
  IntentRecord,
  Journal,
  JournalEntry,
  Receipt,
  UploadRecord,
} from './journal.ts'
