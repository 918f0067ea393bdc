export {
  ArchiveListView,
  ArchiveView,
  ReceiptView,
  UploadAbortedView,
  UploadListView,
  UploadView,
} from './archive-views.ts'
export {
  ControlsChange,
  ControlsView,
  changeControls,
  controlsToView,
  HoldRequest,
  RetryReportView,
  RetryRequest,
  WorkerListView,
  WorkerView,
} from './control-views.ts'
export { VaultName } from './fields.ts'
export { JobChange, JobRequest, type NormalJobRequest, normalizeJobRequest } from './job-request.ts'
export { type CountedJob, jobToProgressEvent, jobToView } from './job-to-view.ts'
export { openApiDocument } from './openapi-document.ts'
export type { Operation } from './operation.ts'
export { type OperationId, operations } from './operations.ts'
export { type PartRecords, partsToViews } from './parts-to-views.ts'
export { IdempotencyKey, JobsQuery, PageQuery, PartsQuery } from './queries.ts'
export { JSON_DEPTH_MAX, parseStrictJson, type StrictJson } from './strict-json.ts'
export { type InputError, inputErrors } from './validation.ts'
export {
  JobListView,
  JobView,
  PartListView,
  PartView,
  ProblemView,
  ProgressEventView,
  StateEventView,
  VaultCreatedView,
  VaultListView,
  VaultView,
} from './views.ts'
