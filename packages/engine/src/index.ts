export { abortUpload } from './abort-upload.ts'
export { type AcceptDeps, acceptJob, type JobRequest } from './accept-job.ts'
export { commandJob, type JobCommand } from './command-job.ts'
export type { FinalizeDeps, GlacierDeps, JobDeps, OpenDeps } from './deps.ts'
export { finalizeJob } from './finalize-job.ts'
export { giveUpJob } from './give-up-job.ts'
export { openJob } from './open-job.ts'
export { prioritizeJob } from './prioritize-job.ts'
export { type RecoverReport, recoverJobs } from './recover-jobs.ts'
export { skipHeld } from './skip-held.ts'
export { createSweeper, isHeldBack, type SweepReport } from './sweep-jobs.ts'
export {
  type OrphanDeps,
  type OrphanFailure,
  type OrphanReport,
  sweepOrphans,
} from './sweep-orphans.ts'
export { createUploadKeeper } from './upload-keeper.ts'
export { ownerOf, type UploadOwner } from './upload-owner.ts'
export { type JobWatch, type PartDeps, type PartOutcome, uploadPart } from './upload-part.ts'
