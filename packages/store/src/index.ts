export {
  type ControlStore,
  type SeenWorker,
  WORKER_TTL_MS,
  type WorkerReport,
} from './control-store.ts'
export type {
  BeginPart,
  BegunPart,
  JobPage,
  JobQuery,
  JobStore,
  Liveness,
  PartCounts,
  PartRef,
  PartTable,
  RecordPart,
  RecordPartInput,
  StateEvent,
  StoredJob,
} from './job-store.ts'
export { createMemoryControlStore } from './memory-control-store.ts'
export { createMemoryJobStore, type MemoryJobStore } from './memory-job-store.ts'
export { type JobChange, observeJobs } from './observe-jobs.ts'
export { createRedisControlStore } from './redis-control-store.ts'
export { createRedisJobStore } from './redis-job-store.ts'
