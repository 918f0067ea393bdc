export { parseJobRecord } from './job-record.ts'
export {
  definitionSchema,
  endRecordSchema,
  intentRecordSchema,
  receiptSchema,
  uploadRecordSchema,
} from './journal-record.ts'
