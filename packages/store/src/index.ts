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
