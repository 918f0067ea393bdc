import { nameVaults } from '@firn/runtime'
import { Gauge, type Registry } from 'prom-client'
import { addGroups, type UnfinishedGroup, type UnfinishedReport } from './unfinished-jobs.ts'

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
  const register = (
    name: string,
    help: string,
    /** Null has no sample. */
    pick: (sums: UnfinishedGroup) => number | null,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames: ['vault', 'state'],
      registers: [registry],
      collect() {
        this.reset()
        for (const sums of sumByLabels(sources.unfinished()?.groups ?? [])) {
          const value = pick(sums)
          if (value !== null) this.set({ vault: sums.vault, state: sums.state }, value)
        }
      },
    })
  }
  const secondsSince = (atMs: number): number => Math.max(0, sources.now() - atMs) / 1000
  register('firn_unfinished_jobs', 'Unfinished jobs', ({ jobCount }) => jobCount)
  register(
    'firn_unfinished_bytes',
    'Bytes of unfinished jobs that are opened and not uploaded yet',
    ({ leftBytes }) => leftBytes,
  )
  register(
    'firn_unfinished_age_seconds',
    'Age of the oldest unfinished job',
    ({ oldestCreatedAtMs }) => secondsSince(oldestCreatedAtMs),
  )
  register(
    'firn_unfinished_idle_seconds',
    'Longest time that an unfinished job neither changed nor had a part recorded',
    ({ stillSinceMs }) => secondsSince(stillSinceMs),
  )
  register(
    'firn_upload_idle_seconds',
    'The same of jobs with an open upload, which Glacier may forget after 24 h',
    ({ uploadStillSinceMs }) =>
      uploadStillSinceMs === null ? null : secondsSince(uploadStillSinceMs),
  )
}

/** Adds up the vaults that share a label. */
function sumByLabels(groups: readonly UnfinishedGroup[]): readonly UnfinishedGroup[] {
  const labelOf = nameVaults(groups.map(({ vault }) => vault))
  const sums = new Map<string, UnfinishedGroup>()
  for (const group of groups) {
    const vault = labelOf(group.vault)
    const key = `${group.state} ${vault}`
    const named = { ...group, vault }
    const before = sums.get(key)
    sums.set(key, before === undefined ? named : addGroups(before, named))
  }
  return [...sums.values()]
}
