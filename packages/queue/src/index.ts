export type { JobQueues, JobRef, RunContext } from './job-queues.ts'
