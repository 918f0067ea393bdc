export type { ConsumerHandlers, Handler } from './consumer-handlers.ts'
export {
  createJobQueues,
  type JobQueuesOptions,
  type OpenJobQueues,
  type QueueCounts,
} from './create-job-queues.ts'
export { createQueueViews, type QueueViews } from './create-queue-views.ts'
export type { JobQueues, JobRef, RunContext } from './job-queues.ts'
export {
  type Consumer,
  type ConsumerOptions,
  openConsumer,
  RunAbortedError,
} from './open-consumer.ts'
export type { PartJobRef, QueueName } from './queue-layout.ts'
export { type FailedRun, reportFailures } from './report-failures.ts'
export type { RunOutcome } from './run-ending.ts'
export type { LockLoss } from './run-lock.ts'
