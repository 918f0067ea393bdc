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
      return sweep && ageSeconds(sweep.oldestCreatedAtMs, sources.now())
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
  register(
    'firn_doubt_age_seconds',
    'Longest time that it is not known whether an archive was made, 0 when all is known',
    () => {
      const sweep = sources.lastSweep()
      return sweep && ageSeconds(sweep.oldestDoubtMs, sources.now())
    },
  )
}

/** 0 when there is nothing that could have an age; clocks of others may be ahead. */
function ageSeconds(sinceMs: number | null, nowMs: number): number {
  return sinceMs === null ? 0 : Math.max(0, nowMs - sinceMs) / 1000
}
