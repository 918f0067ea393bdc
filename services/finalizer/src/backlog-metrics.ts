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
    /** The latest pass of the sweeper; these are null unless this finalizer keeps house. */
    readonly lastSweep: () => SweepReport | null
    /** Uploads that no job owns and that are still within their grace. */
    readonly orphanCount: () => number | null
    /** The longest that an open upload has stood still. */
    readonly uploadIdleMs: () => number | null
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
      this.reset()
      const counts = await sources.countQueues().catch(() => {
        // Absence is the signal: old numbers would look like a queue that stands still.
        return {}
      })
      for (const [queue, byState] of Object.entries<QueueCounts>(counts)) {
        for (const [state, count] of Object.entries(byState)) this.set({ queue, state }, count)
      }
    },
  })
  new Gauge({
    name: 'firn_backlog_bytes',
    help: 'Bytes of opened archives that are not uploaded yet, at the latest sweep',
    registers,
    collect() {
      const sweep = sources.lastSweep()
      if (sweep === null) this.remove()
      else this.set(sweep.backlogBytes)
    },
  })
  new Gauge({
    name: 'firn_oldest_unfinished_job_age_seconds',
    help: 'Age of the oldest job with work left, 0 when there is none',
    registers,
    collect() {
      const sweep = sources.lastSweep()
      if (sweep === null) this.remove()
      else {
        const oldestMs = sweep.oldestCreatedAtMs ?? sources.now()
        this.set(Math.max(0, sources.now() - oldestMs) / 1000)
      }
    },
  })
  new Gauge({
    name: 'firn_upload_idle_seconds',
    help: 'Longest time that an open upload had no part recorded; Glacier may forget it after 24 h',
    registers,
    collect() {
      const idleMs = sources.uploadIdleMs()
      if (idleMs === null) this.remove()
      else this.set(idleMs / 1000)
    },
  })
  new Gauge({
    name: 'firn_orphan_uploads',
    help: 'Multipart uploads of this Firn that no job owns, at the latest look',
    registers,
    collect() {
      const count = sources.orphanCount()
      if (count === null) this.remove()
      else this.set(count)
    },
  })
}
