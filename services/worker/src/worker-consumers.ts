import { openJob, type PartDeps, uploadPart } from '@firn/engine'
import { type FailedRun, openConsumer, reportFailures } from '@firn/queue'
import type { RedisConnection } from '@firn/redis'
import type { Logger } from '@firn/runtime'
import type { WorkerConfig } from './config.ts'
import type { WorkerMetrics } from './worker-metrics.ts'

export interface WorkerConsumers extends AsyncDisposable {
  /** Parts in flight. */
  readonly activeCount: () => number
}

/** Starts to take jobs from the queues `parts` and `open`; disposal hands back what is left. */
export function openWorkerConsumers(input: {
  readonly deps: PartDeps
  readonly config: WorkerConfig
  readonly redis: RedisConnection
  readonly metrics: WorkerMetrics
  readonly log: Logger
}): WorkerConsumers {
  const { deps, config, log } = input
  const onFailure = (failed: FailedRun): void => log.warn(failed, 'run will be repeated')
  const common = {
    redis: input.redis.client,
    lockDurationMs: config.lockDurationMs,
    stalledIntervalMs: config.stalledIntervalMs,
    backoff: config.backoff,
    onLockLost: input.metrics.lockLost,
    onError: (err: Error) => log.warn({ err }, 'trouble with redis'),
  }
  const parts = openConsumer({
    ...common,
    concurrency: config.concurrency,
    handlers: {
      queue: 'parts',
      part: reportFailures((ref, run) => uploadPart(deps, ref, run), onFailure),
    },
  })
  const opens = openConsumer({
    ...common,
    concurrency: config.openConcurrency,
    handlers: {
      queue: 'open',
      open: reportFailures((ref, run) => openJob(deps, ref, run), onFailure),
    },
  })
  return {
    activeCount: parts.activeCount,
    // Both at once: one after the other could add up to more than a shutdown may take.
    async [Symbol.asyncDispose]() {
      await Promise.all([parts[Symbol.asyncDispose](), opens[Symbol.asyncDispose]()])
    },
  }
}
