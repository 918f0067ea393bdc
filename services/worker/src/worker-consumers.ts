import type { AppError } from '@firn/core'
import {
  giveUpJob,
  type OpenDeps,
  openJob,
  type PartDeps,
  skipHeld,
  uploadPart,
} from '@firn/engine'
import {
  type Consumer,
  type FailedRun,
  type JobRef,
  openConsumer,
  reportFailures,
} from '@firn/queue'
import type { RedisConnection } from '@firn/redis'
import type { Logger } from '@firn/runtime'
import type { WorkerConfig } from './config.ts'
import type { OpeningLimit } from './opening-limit.ts'
import type { WorkerMetrics } from './worker-metrics.ts'

export interface WorkerConsumers extends AsyncDisposable {
  /** Parts in flight. */
  readonly activeCount: () => number
  /** Of both queues; `concurrency` is of parts alone. To be called again and again. */
  readonly adjust: Consumer['adjust']
}

/**
 * Takes jobs from the queues `parts` and `open` once it is told to; disposal hands back what is
 * left.
 */
export function openWorkerConsumers(input: {
  readonly deps: PartDeps & OpenDeps
  readonly config: WorkerConfig
  readonly redis: RedisConnection
  readonly opening: Pick<OpeningLimit, 'isOpen' | 'noteOpened'>
  readonly metrics: WorkerMetrics
  readonly log: Logger
}): WorkerConsumers {
  const { deps, config, opening, log } = input
  let isHeld = true
  const onFailure = (failed: FailedRun): void => log.warn(failed, 'run will be repeated')
  const common = {
    redis: input.redis.client,
    isHeld: true,
    lockDurationMs: config.lockDurationMs,
    stalledIntervalMs: config.stalledIntervalMs,
    backoff: config.backoff,
    outageRunsMax: config.outageRunsMax,
    cutRunsMax: config.cutRunsMax,
    async onPoison(ref: JobRef, reason: AppError, signal: AbortSignal) {
      log.error({ jobId: ref.jobId, reason: reason.message }, 'job given up')
      await giveUpJob(deps, ref, reason, signal)
    },
    onLockLost: input.metrics.lockLost,
    onError: (err: Error) => log.warn({ err }, 'trouble with redis'),
  }
  const parts = openConsumer({
    ...common,
    concurrency: config.concurrency,
    handlers: {
      queue: 'parts',
      part: reportFailures(
        skipHeld(deps, (ref, run) => uploadPart(deps, ref, run)),
        onFailure,
      ),
    },
  })
  const opens = openConsumer({
    ...common,
    concurrency: config.openConcurrency,
    handlers: {
      queue: 'open',
      open: reportFailures(
        skipHeld(deps, async (ref, run) => {
          await openJob(deps, ref, run)
          await opening.noteOpened(run.signal)
          adjustOpens()
        }),
        onFailure,
      ),
    },
  })
  function adjustOpens(): void {
    const concurrency = config.openConcurrency
    opens.adjust({ isHeld: isHeld || !opening.isOpen(), concurrency })
  }

  return {
    activeCount: parts.activeCount,
    adjust(wanted) {
      isHeld = wanted.isHeld
      parts.adjust(wanted)
      adjustOpens()
    },
    // Both at once: one after the other could add up to more than a shutdown may take.
    async [Symbol.asyncDispose]() {
      await Promise.all([parts[Symbol.asyncDispose](), opens[Symbol.asyncDispose]()])
    },
  }
}
