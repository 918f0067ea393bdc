import type { SweepReport } from '@firn/engine'
import type { QueueCounts, QueueName } from '@firn/queue'
import { Gauge, type Registry } from 'prom-client'

/**
 * What is left to do, for dashboards and for scaling the workers. The same over all finalizers,
 * so take the `max`, never the sum.
 */
export function createBacklogMetrics(
  registry: Registry,
  sources: {
    /** Depth of each queue by state. */
    readonly countQueues: () => Promise<Readonly<Record<QueueName, QueueCounts>>>
    /** The latest pass of the sweeper, or null before the first. */
    readonly lastSweep: () => SweepReport | null
    /** Uploads that no job owns and that are still within their grace. */
    readonly orphanCount: () => number
    readonly now: () => number
  },
): void {
  const registers = [registry]
  new Gauge({
    name: 'firn_queue_jobs',
    help: 'Queue jobs by queue and state',
    labelNames: ['queue', 'state'],
    registers,
    async collect() {
      for (const [queue, byState] of Object.entries(await sources.countQueues())) {
        for (const [state, count] of Object.entries(byState)) this.set({ queue, state }, count)
      }
    },
  })
  new Gauge({
    name: 'firn_backlog_bytes',
    help: 'Bytes of opened archives that are not uploaded yet, at the latest sweep',
    registers,
    collect() {
      this.set(sources.lastSweep()?.backlogBytes ?? 0)
    },
  })
  new Gauge({
    name: 'firn_oldest_unfinished_job_age_seconds',
    help: 'Age of the oldest job with work left, 0 when there is none',
    registers,
    collect() {
      const oldest = sources.lastSweep()?.oldestCreatedAtMs
      this.set(oldest == null ? 0 : Math.max(0, sources.now() - oldest) / 1000)
    },
  })
  new Gauge({
    name: 'firn_orphan_uploads',
    help: 'Multipart uploads of this Firn that no job owns, at the latest look',
    registers,
    collect() {
      this.set(sources.orphanCount())
    },
  })
}
