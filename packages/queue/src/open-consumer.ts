import { setTimeout as delay } from 'node:timers/promises'
import { AppError, fullJitterMs, invariant } from '@firn/core'
import { type Job, Worker } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { type ConsumerHandlers, parseJobRef, runnerFor } from './consumer-handlers.ts'
import type { JobRef } from './job-queues.ts'
import { limitRate } from './limit-rate.ts'
import { QUEUE_PREFIX, type QueueName } from './queue-layout.ts'
import { carryOut, type EndedRun, endingOf, type RunOutcome } from './run-ending.ts'
import { holdLock, type LockLoss } from './run-lock.ts'

export interface ConsumerOptions {
  /** Opened for the role `worker`: it must wait for Redis. Stays open when the consumer is disposed. */
  readonly redis: Redis | Cluster
  readonly handlers: ConsumerHandlers
  /** Runs at once, until {@link Consumer.adjust} says otherwise. */
  readonly concurrency: number
  /** Whether it begins to fetch only when told to. Default false. */
  readonly isHeld?: boolean
  /** How long a job whose process died stays taken. Default 60,000. */
  readonly lockDurationMs?: number
  /** How often to look for jobs whose lock has expired. Default 15,000. */
  readonly stalledIntervalMs?: number
  /** For retries and outages: full jitter under a doubling ceiling. Default 1,000 and 60,000. */
  readonly backoff?: { readonly baseMs: number; readonly capMs: number }
  /** Runs that a service may be away for before the job fails. Default without limit. */
  readonly outageRunsMax?: number
  /** On disposal, how long runs may go on before they are handed back. Default 10,000. */
  readonly drainMs?: number
  /**
   * Called instead of the handler for a job whose runs have been cut off `cutRunsMax` times: it may
   * be what kills its process, with all that runs beside it. Once this resolves the queue
   * job is given up; while it rejects, it is called again. Without it such a job is run for ever.
   */
  readonly onPoison?: (ref: JobRef, reason: AppError, signal: AbortSignal) => Promise<void>
  /**
   * Runs whose lock may expire, so that nobody knows how they ended: a process died, or Redis was
   * away. Default 50, more than restarts and outages put together cost one job.
   */
  readonly cutRunsMax?: number
  readonly onLockLost?: (loss: LockLoss) => void
  readonly onRun?: (run: {
    readonly queue: QueueName
    readonly outcome: RunOutcome
    readonly seconds: number
  }) => void
  /** Trouble that no handler sees. Called at most once a second. */
  readonly onError?: (error: Error) => void
  /** Uniform in [0, 1), for jitter. */
  readonly random?: () => number
}

/** Disposing takes at most `drainMs` and 5 s, whether Redis answers or not. */
export interface Consumer extends AsyncDisposable {
  /** Runs in progress. */
  readonly activeCount: () => number
  /**
   * How to go on: `isHeld` fetches nothing more and lets runs in progress end. To be called again
   * and again with what is wanted.
   */
  readonly adjust: (wanted: { readonly isHeld: boolean; readonly concurrency: number }) => void
}

/** Why a run's signal aborted. */
export class RunAbortedError extends Error {
  override readonly name = 'RunAbortedError'
  readonly why: LockLoss | 'shutdown'

  constructor(why: LockLoss | 'shutdown') {
    super(`Run aborted: ${why}`)
    this.why = why
  }
}

const CUT_RUNS_MAX = 50
const HAND_BACK_MS = 3000
const CLOSE_MS = 2000

/** Starts to fetch and run the jobs of one queue, as soon as Redis answers. */
export function openConsumer(options: ConsumerOptions): Consumer {
  const { handlers, random = Math.random } = options
  const lockDurationMs = options.lockDurationMs ?? 60_000
  const backoff = options.backoff ?? { baseMs: 1000, capMs: 60_000 }
  const onError = limitRate(options.onError ?? (() => {}), 1000)
  const runs = new Set<Run>()
  let isStopping = false
  let isHeld = options.isHeld ?? false

  const process = async (job: Job, token?: string): Promise<void> => {
    invariant(token, 'a job without a lock token')
    const startedMs = performance.now()
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const run = { controller: new AbortController(), over }
    runs.add(run)
    try {
      const given = { ...run, options, lockDurationMs, backoff, job, token }
      const ended = isStopping || isHeld ? { ...notRun, backoff } : await runUnderLock(given)
      const ending = endingOf(ended, random())
      const seconds = (performance.now() - startedMs) / 1000
      options.onRun?.({ queue: handlers.queue, outcome: ending.outcome, seconds })
      await carryOut(ending, { job, token, onError })
    } finally {
      runs.delete(run)
      resolve()
    }
  }

  // Two parameters: BullMQ makes an AbortSignal of its own for processors that declare three.
  const worker = new Worker(handlers.queue, process, {
    connection: options.redis,
    prefix: QUEUE_PREFIX,
    concurrency: options.concurrency,
    lockDuration: lockDurationMs,
    skipLockRenewal: true,
    stalledInterval: options.stalledIntervalMs ?? 15_000,
    // A process that died says nothing against its jobs.
    maxStalledCount: 1_000_000,
    runRetryDelay: 1000,
    settings: {
      backoffStrategy: (attempt: number) => fullJitterMs({ attempt, ...backoff }, random()),
    },
  })
  worker.on('error', onError)
  if (isHeld) hold(worker)

  return {
    activeCount: () => runs.size,
    adjust(wanted) {
      if (isStopping) return
      isHeld = wanted.isHeld
      worker.concurrency = wanted.concurrency
      const apply = isHeld ? hold : release
      apply(worker)
    },
    async [Symbol.asyncDispose]() {
      isStopping = true
      // Resolves once BullMQ has written down how each run ended; never while Redis is away. Not
      // `pause()`: it ends with a new connection, which a frozen Redis would keep open.
      const closed = worker.close()
      await settledWithin(
        [...runs].map(({ over }) => over),
        options.drainMs ?? 10_000,
      )
      for (const { controller } of runs) controller.abort(new RunAbortedError('shutdown'))
      await settledWithin([closed, ...[...runs].map(({ over }) => over)], HAND_BACK_MS)
      await settledWithin([worker.backend.disconnectBlocking(), closed], CLOSE_MS)
    },
  }
}

interface Run {
  readonly controller: AbortController
  /** Resolves when it has ended. */
  readonly over: Promise<void>
}

/** A job that was fetched while the consumer was stopping or began to be held. */
const notRun: Omit<EndedRun, 'backoff'> = {
  result: { ok: false, error: undefined },
  aborted: 'shutdown',
  isLastAttempt: false,
  isPatienceOver: false,
  uncountedRuns: 0,
}

async function runUnderLock(run: {
  readonly options: ConsumerOptions
  readonly lockDurationMs: number
  readonly backoff: EndedRun['backoff']
  readonly job: Job
  readonly token: string
  readonly controller: AbortController
}): Promise<EndedRun> {
  const { options, lockDurationMs, backoff, job, token, controller } = run
  using _lock = holdLock({
    lockDurationMs,
    ageMs: lockAgeMs(job, lockDurationMs),
    extend: async () => (await job.extendLock(token, lockDurationMs)) === 1,
    onLoss(loss) {
      options.onLockLost?.(loss)
      controller.abort(new RunAbortedError(loss))
    },
  })
  const attempt = job.attemptsMade + 1
  const isLastAttempt = attempt >= (job.opts.attempts ?? 1)
  const uncountedRuns = Math.max(0, job.attemptsStarted - attempt)
  const isPatienceOver = uncountedRuns >= (options.outageRunsMax ?? Number.POSITIVE_INFINITY)
  const { signal } = controller
  const context = { signal, attempt, isLastAttempt, isPatienceOver }
  const { onPoison } = options
  const cutRunsMax = options.cutRunsMax ?? CUT_RUNS_MAX
  const isPoison = onPoison !== undefined && job.stalledCounter >= cutRunsMax
  const result = isPoison
    ? await settle(giveUp(job, onPoison, signal))
    : await settle(runnerFor(options.handlers, job.name)(job.data, context))
  return {
    result,
    aborted: signal.aborted ? whyAborted(signal) : null,
    isLastAttempt: isLastAttempt || (isPoison && isGivenUp(result)),
    ...{ isPatienceOver, backoff, uncountedRuns },
  }
}

/** Since the fetch was sent, by this machine's clock; a clock that was set must not end the run. */
function lockAgeMs(job: Job, lockDurationMs: number): number {
  const ageMs = Date.now() - (job.processedOn ?? Date.now())
  return ageMs >= 0 && ageMs < lockDurationMs ? ageMs : 0
}

/** Always rejects: with `POISON` once that has been told, else with why it could not be. */
async function giveUp(
  job: Job,
  onPoison: NonNullable<ConsumerOptions['onPoison']>,
  signal: AbortSignal,
): Promise<void> {
  const reason = new AppError(
    'POISON',
    `${job.stalledCounter} runs of queue job "${job.id}" were cut off; it may kill its process`,
  )
  await onPoison(parseJobRef(job.data), reason, signal)
  throw reason
}

function isGivenUp(result: EndedRun['result']): boolean {
  return !result.ok && result.error instanceof AppError && result.error.code === 'POISON'
}

async function settle(work: Promise<void>): Promise<EndedRun['result']> {
  try {
    await work
    return { ok: true }
  } catch (error) {
    return { ok: false, error }
  }
}

function whyAborted(signal: AbortSignal): LockLoss | 'shutdown' {
  return signal.reason instanceof RunAbortedError ? signal.reason.why : 'shutdown'
}

/** No more is fetched; what runs goes on. */
function hold(worker: Worker): void {
  void worker.pause(true)
}

function release(worker: Worker): void {
  // Also one that was told to go on at the very moment when its loop came to an end.
  if (worker.isPaused() || !worker.isRunning()) void worker.resume()
}

async function settledWithin(work: readonly Promise<unknown>[], timeoutMs: number): Promise<void> {
  const timer = new AbortController()
  const timeout = delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => {})
  await Promise.race([Promise.allSettled(work), timeout])
  timer.abort()
}
