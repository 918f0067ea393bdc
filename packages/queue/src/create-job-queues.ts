import { addAbortListener } from 'node:events'
import { AppError } from '@firn/core'
import { type Job, type JobsOptions, Queue } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import type { JobQueues, JobRef } from './job-queues.ts'
import { limitRate } from './limit-rate.ts'
import { QUEUE_PREFIX, type QueueName, queueJobId } from './queue-layout.ts'

export interface JobQueuesOptions {
  readonly redis: Redis | Cluster
  /** Counted attempts before a job of the queue is given up. */
  readonly attempts?: Readonly<Partial<Record<QueueName, number>>>
  /** Called at most once a second for each queue. */
  readonly onError?: (error: Error) => void
}

/** How many jobs of a queue wait to run, run, or wait for their next attempt. */
export interface QueueCounts {
  readonly waiting: number
  readonly active: number
  readonly delayed: number
}

export interface OpenJobQueues extends JobQueues, AsyncDisposable {
  readonly counts: (signal: AbortSignal) => Promise<Readonly<Record<QueueName, QueueCounts>>>
}

// At the consumers' default back-off, half of its ceiling on average: 20 attempts last about
// (63 + 13 * 60) / 2 s = 7 minutes. Finalizing goes on for (63 + 93 * 60) / 2 s = 47 minutes,
// since by then every byte has been paid for.
const ATTEMPTS: Readonly<Record<QueueName, number>> = { open: 20, parts: 20, finalize: 100 }

/** Jobs in one pipeline: Redis answers others between them. */
const BULK_MAX = 500

/** Nobody reads BullMQ's event streams; Firn's events are the store's. */
const EVENTS_MAX = 100

/** The producer of queue jobs. It opens no connection and leaves `redis` open when disposed. */
export function createJobQueues(options: JobQueuesOptions): OpenJobQueues {
  const queues = {
    open: openQueue('open', options),
    parts: openQueue('parts', options),
    finalize: openQueue('finalize', options),
  }

  return {
    async addOpen(ref, priority, signal) {
      await queueCall(`enqueue the opening of job "${ref.jobId}"`, signal, () =>
        queues.open.add('open', payload(ref), { jobId: queueJobId(ref), ...urgency(priority) }),
      )
    },

    async addParts(ref, indexes, priority, signal) {
      for (let start = 0; start < indexes.length; start += BULK_MAX) {
        const jobs = indexes.slice(start, start + BULK_MAX).map((index) => ({
          name: 'part',
          data: { ...payload(ref), index },
          opts: { jobId: queueJobId(ref, index), ...urgency(priority) },
        }))
        await queueCall(`enqueue parts of job "${ref.jobId}"`, signal, () =>
          queues.parts.addBulk(jobs),
        )
      }
    },

    async changePriority(ref, indexes, priority, signal) {
      const change = (queue: Queue, ids: readonly string[]) =>
        queueCall(`change the priority of job "${ref.jobId}"`, signal, () =>
          Promise.all(ids.map((id) => moveJob(queue, id, priority))),
        )
      await change(queues.open, [queueJobId(ref)])
      for (let start = 0; start < indexes.length; start += BULK_MAX) {
        const some = indexes.slice(start, start + BULK_MAX)
        await change(
          queues.parts,
          some.map((index) => queueJobId(ref, index)),
        )
      }
    },

    async addFinalize(ref, signal) {
      await queueCall(`enqueue the finalizing of job "${ref.jobId}"`, signal, () =>
        queues.finalize.add('finalize', payload(ref), { jobId: queueJobId(ref), ...urgency(0) }),
      )
    },

    async addAbort(ref, signal) {
      await queueCall(`enqueue the abort of job "${ref.jobId}"`, signal, () =>
        queues.finalize.add('abort', payload(ref), {
          jobId: queueJobId(ref, 'abort'),
          ...urgency(1),
        }),
      )
    },

    async counts(signal) {
      const [open, parts, finalize] = await Promise.all([
        countJobs(queues.open, signal),
        countJobs(queues.parts, signal),
        countJobs(queues.finalize, signal),
      ])
      return { open, parts, finalize }
    },

    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(queues).map((queue) => queue.close()))
    },
  }
}

function openQueue(name: QueueName, { redis, attempts, onError }: JobQueuesOptions): Queue {
  const queue = new Queue(name, {
    connection: redis,
    prefix: QUEUE_PREFIX,
    // Its INFO is sent once and not again: a queue made during an outage would stay dead.
    skipVersionCheck: true,
    streams: { events: { maxLen: EVENTS_MAX } },
    defaultJobOptions: {
      attempts: attempts?.[name] ?? ATTEMPTS[name],
      backoff: { type: 'custom' },
      // A finished job that stays would swallow the same job when it is due again.
      removeOnComplete: true,
      removeOnFail: true,
      stackTraceLimit: 1,
    },
  })
  queue.on('error', limitRate(onError ?? (() => {}), 1000))
  return queue
}

/** What the consumer reads, and nothing else that the caller's object may hold. */
function payload({ jobId, generation }: JobRef): JobRef {
  return { jobId, generation }
}

/** BullMQ runs jobs without a priority before all others, so every job has one, from 1. */
function urgency(priority: number): Pick<JobsOptions, 'priority'> {
  return { priority: priority + 1 }
}

async function moveJob(queue: Queue, id: string, priority: number): Promise<void> {
  const job: Job | undefined = await queue.getJob(id)
  try {
    await job?.changePriority(urgency(priority))
  } catch (error) {
    // It may have ended between the two calls.
    if ((await queue.getJob(id)) !== undefined) throw error
  }
}

async function countJobs(queue: Queue, signal: AbortSignal): Promise<QueueCounts> {
  const counts = await queueCall(`count the jobs of queue "${queue.name}"`, signal, () =>
    queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed'),
  )
  const { waiting = 0, prioritized = 0, active = 0, delayed = 0 } = counts
  return { waiting: waiting + prioritized, active, delayed }
}

async function queueCall<T>(
  doing: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  using _listener = addAbortListener(signal, () => reject(signal.reason))
  try {
    return await Promise.race([work(), aborted])
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw new AppError('QUEUE_UNAVAILABLE', `Cannot ${doing}`, { cause })
  }
}
