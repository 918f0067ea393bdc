import { journalDirectory } from '@firn/journal'
import type { OpenJobQueues } from '@firn/queue'
import { type RedisConnection, readHealth } from '@firn/redis'
import { observeDisks } from '@firn/runtime'
import type { Registry } from 'prom-client'
import { createBacklogMetrics } from './backlog-metrics.ts'
import type { Housekeeping } from './housekeeping.ts'
import { createRedisMetrics } from './redis-metrics.ts'
import { createUnfinishedMetrics } from './unfinished-metrics.ts'

/** Shorter than Prometheus waits for a scrape. */
const TIMEOUT_MS = 2000

/** Registers what finalizers tell of Firn as a whole: every one of them tells the same. */
export function createFinalizerMetrics(
  registry: Registry,
  sources: {
    readonly queues: Pick<OpenJobQueues, 'counts'>
    readonly redis: Pick<RedisConnection, 'client'>
    readonly housekeeping: Pick<Housekeeping, 'findings'>
    readonly journalUrl: string
    readonly signal: AbortSignal
  },
): void {
  const { queues, redis, housekeeping, journalUrl, signal } = sources
  createBacklogMetrics(registry, {
    ...housekeeping.findings,
    countQueues: () => queues.counts(AbortSignal.timeout(TIMEOUT_MS)),
    now: Date.now,
  })
  createUnfinishedMetrics(registry, { ...housekeeping.findings, now: Date.now })
  createRedisMetrics(registry, () => readHealth(redis.client, TIMEOUT_MS, signal))
  const directory = journalDirectory(journalUrl)
  observeDisks(registry, directory === null ? [] : [{ volume: 'journal', directory }])
}
