export type {
  BeginPart,
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
export { createMemoryJobStore } from './memory-job-store.ts'
export { type JobChange, observeJobs } from './observe-jobs.ts'
export { createRedisJobStore } from './redis-job-store.ts'
