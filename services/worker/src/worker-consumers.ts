import { openJob, type PartDeps, uploadPart } from '@firn/engine'
import { openConsumer } from '@firn/queue'
import type { RedisConnection } from '@firn/redis'
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
  readonly onError: (error: unknown) => void
}): WorkerConsumers {
  const { deps, config } = input
  const common = {
    redis: input.redis.client,
    lockDurationMs: config.lockDurationMs,
    stalledIntervalMs: config.stalledIntervalMs,
    onLockLost: input.metrics.lockLost,
    onError: input.onError,
  }
  const parts = openConsumer({
    ...common,
    concurrency: config.concurrency,
    handlers: { queue: 'parts', part: (ref, run) => uploadPart(deps, ref, run) },
  })
  const opens = openConsumer({
    ...common,
    concurrency: config.openConcurrency,
    handlers: { queue: 'open', open: (ref, run) => openJob(deps, ref, run) },
  })
  return {
    activeCount: parts.activeCount,
    // Both at once: one after the other could add up to more than a shutdown may take.
    async [Symbol.asyncDispose]() {
      await Promise.all([parts[Symbol.asyncDispose](), opens[Symbol.asyncDispose]()])
    },
  }
}
