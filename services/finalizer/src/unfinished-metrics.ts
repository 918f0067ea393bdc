import { nameVaults } from '@firn/runtime'
import { Gauge, type Registry } from 'prom-client'
import type { UnfinishedGroup, UnfinishedReport } from './unfinished-jobs.ts'

/**
 * Unfinished jobs by vault and state. The same over all finalizers: take the `max` by vault and
 * state, then the sum. A vault without an unfinished job has no samples.
 */
export function createUnfinishedMetrics(
  registry: Registry,
  sources: {
    readonly unfinished: () => UnfinishedReport | null
    readonly now: () => number
  },
): void {
  const register = (name: string, help: string, pick: (sums: UnfinishedGroup) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['vault', 'state'],
      registers: [registry],
      collect() {
        this.reset()
        for (const sums of sumByLabels(sources.unfinished()?.groups ?? [])) {
          this.set({ vault: sums.vault, state: sums.state }, pick(sums))
        }
      },
    })
  }
  register('firn_unfinished_jobs', 'Unfinished jobs', ({ jobCount }) => jobCount)
  register(
    'firn_unfinished_bytes',
    'Bytes of unfinished jobs that are opened and not uploaded yet',
    ({ leftBytes }) => leftBytes,
  )
  register(
    'firn_unfinished_age_seconds',
    'Age of the oldest unfinished job',
    ({ oldestCreatedAtMs }) => Math.max(0, sources.now() - oldestCreatedAtMs) / 1000,
  )
}

/** Adds up the vaults that share a label. */
function sumByLabels(groups: readonly UnfinishedGroup[]): readonly UnfinishedGroup[] {
  const labelOf = nameVaults(groups.map(({ vault }) => vault))
  const sums = new Map<string, UnfinishedGroup>()
  for (const group of groups) {
    const vault = labelOf(group.vault)
    const key = `${group.state} ${vault}`
    const sum = sums.get(key)
    sums.set(key, {
      vault,
      state: group.state,
      jobCount: group.jobCount + (sum?.jobCount ?? 0),
      leftBytes: group.leftBytes + (sum?.leftBytes ?? 0),
      oldestCreatedAtMs: Math.min(
        group.oldestCreatedAtMs,
        sum?.oldestCreatedAtMs ?? group.oldestCreatedAtMs,
      ),
    })
  }
  return [...sums.values()]
}
