export {
  parseControlsRecord,
  parseWorkerReportRecord,
  type WorkerReport,
} from './control-record.ts'
export { parseJobErrorRecord, parseJobRecord } from './job-record.ts'
export {
  cancelRecordSchema,
  definitionSchema,
  failureRecordSchema,
  generationRecordSchema,
  intentRecordSchema,
  receiptSchema,
  uploadRecordSchema,
} from './journal-record.ts'
