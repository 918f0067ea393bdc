import type { QueueCounts, QueueName } from '@firn/queue'
import { Gauge, type Registry } from 'prom-client'
import type { Findings } from './housekeeping.ts'

/**
 * What is left to do, for dashboards and for scaling the workers. The same over all finalizers,
 * so take the `max`, never the sum. What is not known has no sample: old numbers would look like
 * work that stands still.
 */
export function createBacklogMetrics(
  registry: Registry,
  sources: Findings & {
    /** Depth of each queue by state. */
    readonly countQueues: () => Promise<Readonly<Record<QueueName, QueueCounts>>>
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
      const counts = await sources.countQueues().catch(() => ({}))
      for (const [queue, byState] of Object.entries<QueueCounts>(counts)) {
        for (const [state, count] of Object.entries(byState)) this.set({ queue, state }, count)
      }
    },
  })
  const register = (name: string, help: string, read: () => number | null): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read()
        if (value === null) this.remove()
        else this.set(value)
      },
    })
  }
  register(
    'firn_backlog_bytes',
    'Bytes of opened archives that are not uploaded yet, at the latest sweep',
    () => sources.lastSweep()?.backlogBytes ?? null,
  )
  register(
    'firn_oldest_unfinished_job_age_seconds',
    'Age of the oldest job with work left, 0 when there is none',
    () => {
      const sweep = sources.lastSweep()
      if (sweep === null) return null
      const oldestMs = sweep.oldestCreatedAtMs ?? sources.now()
      return Math.max(0, sources.now() - oldestMs) / 1000
    },
  )
  register(
    'firn_upload_idle_seconds',
    'Longest time that an open upload had no part recorded; Glacier may forget it after 24 h',
    () => {
      const idleMs = sources.unfinished()?.idleMs ?? null
      return idleMs === null ? null : idleMs / 1000
    },
  )
  register(
    'firn_orphan_uploads',
    'Multipart uploads of this Firn that no job owns, at the latest look',
    sources.orphanCount,
  )
}
