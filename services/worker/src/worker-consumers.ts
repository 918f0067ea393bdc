import type { AppError } from '@firn/core'
import { giveUpJob, openJob, type PartDeps, skipHeld, uploadPart } from '@firn/engine'
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
import type { MemoryGate } from './memory-gate.ts'
import type { WorkerMetrics } from './worker-metrics.ts'

export interface WorkerConsumers extends AsyncDisposable {
  /** Parts in flight. */
  readonly activeCount: () => number
  /** Of both queues; `concurrency` is of parts alone. */
  readonly adjust: Consumer['adjust']
}

/**
 * Takes jobs from the queues `parts` and `open` once it is told to; disposal hands back what is
 * left.
 */
export function openWorkerConsumers(input: {
  readonly deps: PartDeps
  readonly config: WorkerConfig
  readonly redis: RedisConnection
  readonly metrics: WorkerMetrics
  readonly memory: Pick<MemoryGate, 'guard'>
  readonly log: Logger
}): WorkerConsumers {
  const { deps, config, log } = input
  const onFailure = (failed: FailedRun): void => log.warn(failed, 'run will be repeated')
  const common = {
    redis: input.redis.client,
    isHeld: true,
    lockDurationMs: config.lockDurationMs,
    stalledIntervalMs: config.stalledIntervalMs,
    backoff: config.backoff,
    outageRunsMax: config.outageRunsMax,
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
        skipHeld(
          deps,
          input.memory.guard((ref, run) => openJob(deps, ref, run)),
        ),
        onFailure,
      ),
    },
  })
  return {
    activeCount: parts.activeCount,
    adjust({ isHeld, concurrency }) {
      parts.adjust({ isHeld, concurrency })
      opens.adjust({ isHeld, concurrency: config.openConcurrency })
    },
    // Both at once: one after the other could add up to more than a shutdown may take.
    async [Symbol.asyncDispose]() {
      await Promise.all([parts[Symbol.asyncDispose](), opens[Symbol.asyncDispose]()])
    },
  }
}
