export { parseJobErrorRecord, parseJobRecord } from './job-record.ts'
export {
  definitionSchema,
  endRecordSchema,
  generationRecordSchema,
  intentRecordSchema,
  receiptSchema,
  uploadRecordSchema,
} from './journal-record.ts'
