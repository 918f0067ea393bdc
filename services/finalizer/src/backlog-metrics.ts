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
    'Bytes of opened archives that are not uploaded yet, at the latest sweep; not of held ones',
    () => sources.lastSweep()?.backlogBytes ?? null,
  )
  register(
    'firn_oldest_unfinished_job_age_seconds',
    'Age of the oldest job with work left that is not held, 0 when there is none',
    () => {
      const sweep = sources.lastSweep()
      if (sweep === null) return null
      const oldestMs = sweep.oldestCreatedAtMs ?? sources.now()
      return Math.max(0, sources.now() - oldestMs) / 1000
    },
  )
  register('firn_held', 'Whether an operator holds everything, at the latest sweep: 1 or 0', () => {
    const sweep = sources.lastSweep()
    return sweep === null ? null : Number(sweep.isHeld)
  })
  register(
    'firn_held_vaults',
    'Vaults that an operator holds by name, at the latest sweep',
    () => sources.lastSweep()?.heldVaultCount ?? null,
  )
  register(
    'firn_orphan_uploads',
    'Uploads of this Firn that no job owns and that the latest look left: young, or not abortable',
    () => {
      const swept = sources.lastOrphanSweep()
      return swept === null ? null : swept.orphans - swept.aborted
    },
  )
  register(
    'firn_orphan_sweep_failures',
    'Vaults that the latest look for orphans could not list, and orphans that it could not abort',
    () => sources.lastOrphanSweep()?.failures.length ?? null,
  )
}
