import { toAppError } from '@firn/core'
import type { JobQueues, JobRef, RunContext } from '@firn/queue'
import type { SimProcess } from './scheduler.ts'

export type SimQueueName = 'open' | 'parts' | 'finalize' | 'abort'

export interface QueueJob {
  readonly queue: SimQueueName
  readonly id: string
  readonly ref: JobRef & { readonly index: number }
  attempt: number
  /** Backing off: not before the next release. */
  isDelayed: boolean
  /** Who has it, or null while it waits. Replaced by each start, so that a late end is told apart. */
  lock: { readonly process: SimProcess } | null
}

/** What BullMQ would hold: at most one queue job an id, delivered at least once. */
export interface QueueModel extends JobQueues {
  readonly waiting: () => readonly QueueJob[]
  readonly active: () => readonly QueueJob[]
  readonly isEmpty: () => boolean
  readonly hasDelayed: () => boolean
  /** Back-offs are over. */
  readonly release: () => void
  /** Starts a run. The job ends with it, unless another run took the job meanwhile. */
  readonly start: (
    job: QueueJob,
    process: SimProcess,
    handle: (run: RunContext) => Promise<void>,
  ) => void
  /** The lock of a run expires: the job waits again, and the old run goes on as a zombie. */
  readonly stall: (job: QueueJob) => void
  readonly onCrash: (process: SimProcess) => void
  readonly image: () => readonly QueueJob[]
  /** What was running when the image was made waits again; runs that go on are zombies. */
  readonly restore: (image: readonly QueueJob[]) => void
}

export function createQueueModel(options: { readonly partAttempts: number }): QueueModel {
  const jobs = new Map<string, QueueJob>()
  const never = new AbortController().signal

  const add = (queue: SimQueueName, ref: JobRef, index: number): void => {
    const id = `${queue} ${ref.jobId}.${ref.generation}.${index}`
    if (jobs.has(id)) return
    const { jobId, generation } = ref
    jobs.set(id, {
      queue,
      id,
      ref: { jobId, generation, index },
      attempt: 1,
      isDelayed: false,
      lock: null,
    })
  }
  const list = () => [...jobs.values()]

  function end(job: QueueJob, lock: object, error: unknown): void {
    if (job.lock !== lock || jobs.get(job.id) !== job) return
    if (error === undefined) return void jobs.delete(job.id)
    const { disposition } = toAppError(error)
    const isCapped = job.queue === 'parts' || job.queue === 'open'
    // Outages have a patience of their own in the real queue; here it is as long.
    const isTry = disposition === 'retry' || disposition === 'outage'
    const isSpent = isCapped && isTry && job.attempt >= options.partAttempts
    if (disposition === 'reject' || isSpent) return void jobs.delete(job.id)
    if (isTry) job.attempt += 1
    job.isDelayed = true
    job.lock = null
  }

  return {
    waiting: () => list().filter(({ lock, isDelayed }) => lock === null && !isDelayed),
    isEmpty: () => jobs.size === 0,
    hasDelayed: () => list().some(({ isDelayed }) => isDelayed),
    release() {
      for (const job of jobs.values()) job.isDelayed = false
    },
    active: () => list().filter(({ lock }) => lock !== null),
    start(job, process, handle) {
      const lock = { process }
      job.lock = lock
      const { attempt } = job
      const isLastAttempt =
        (job.queue === 'parts' || job.queue === 'open') && attempt >= options.partAttempts
      handle({ signal: never, attempt, isLastAttempt, isPatienceOver: isLastAttempt }).then(
        () => end(job, lock, undefined),
        (error: unknown) => end(job, lock, error),
      )
    },
    stall(job) {
      job.lock = null
    },
    onCrash(process) {
      for (const job of jobs.values()) if (job.lock?.process === process) job.lock = null
    },
    image: () => list().map((job) => ({ ...job, lock: null })),
    restore(image) {
      jobs.clear()
      for (const job of image) jobs.set(job.id, { ...job })
    },
    addOpen: async (ref) => add('open', ref, 0),
    addParts: async (ref, indexes) => {
      for (const index of indexes) add('parts', ref, index)
    },
    addFinalize: async (ref) => add('finalize', ref, 0),
    changePriority: async () => undefined,
    addAbort: async (ref) => add('abort', ref, 0),
  }
}
