export { accountOf } from './account-of.ts'
export { fullJitterMs } from './backoff.ts'
export {
  CONTROL_NAMES_MAX,
  type Controls,
  defaultControls,
  isVaultHeld,
  WINDOW_PARTS_MAX,
  WORKER_CONCURRENCY_MAX,
  withName,
} from './controls.ts'
export {
  AppError,
  type Disposition,
  dispositionByCode,
  type ErrorCode,
  toAppError,
} from './errors.ts'
export { createJobId, type JobId, jobIdOfKey, parseJobId } from './ids.ts'
export { invariant, unreachable } from './invariant.ts'
export {
  type Archive,
  type Expected,
  isFinished,
  type Job,
  type JobDefinition,
  type JobError,
  type JobState,
  jobStates,
  type Progress,
  type Source,
  type SourcePin,
  type Upload,
  type UploadFate,
  uploadOf,
} from './job.ts'
export {
  advance,
  initialProgress,
  type JobEvent,
  newJob,
  type Step,
  step,
  type Work,
  workFor,
} from './job-machine.ts'
export {
  ARCHIVE_SIZE_MAX_BYTES,
  DESCRIPTION_MAX_BYTES,
  MIB,
  PART_COUNT_MAX,
  PART_SIZE_MAX_BYTES,
  PART_SIZE_MIN_BYTES,
  USER_DESCRIPTION_MAX_BYTES,
  VAULT_NAME_MAX_CHARS,
} from './limits.ts'
export {
  isPrintableAscii,
  MARKER_PREFIX,
  type Marker,
  markedDescription,
  parseMarker,
} from './marker.ts'
export { hasPart, missingParts } from './part-bitmap.ts'
export {
  type ByteRange,
  choosePartSize,
  isPartSize,
  type PartPlan,
  type PlanResult,
  partRange,
  planParts,
  smallestPartSize,
} from './part-plan.ts'
export { requireSamePin } from './require-same-pin.ts'
export { createTreeHashFold, foldTreeHash, type TreeHashFold, treeHash } from './tree-hash.ts'
