import { type JobId, type JobState, uploadOf } from '@firn/core'
import type { JobPage, JobQuery, StoredJob } from '@firn/store'

/** Jobs that somebody still waits for. */
const STATES: readonly JobState[] = ['queued', 'uploading', 'paused', 'finalizing', 'reconciling']
const PAGE_SIZE = 200

/** The unfinished jobs of one vault in one state; there is at least one. */
export interface UnfinishedGroup {
  readonly vault: string
  readonly state: JobState
  readonly jobCount: number
  /** Of opened uploads, not uploaded yet: nobody knows the size of what is not opened. */
  readonly leftBytes: number
  readonly oldestCreatedAtMs: number
}

export interface UnfinishedReport {
  readonly groups: readonly UnfinishedGroup[]
  /** The longest time, in milliseconds, that an open upload had no part recorded. */
  readonly idleMs: number
}

interface Sighting {
  readonly uploadedParts: number
  /** When it is sure that the upload moved. */
  readonly movedAtMs: number
}

/**
 * Watches the jobs that are unfinished: how many there are of which vault, and for how long their
 * uploads have stood still, for Glacier may forget one after 24 h. `look` goes through all of
 * them. What happened before the first look is unknown and counts as nothing, so after a start the
 * idle time is an upper bound until the upload moves.
 */
export function createUnfinishedWatch(deps: {
  readonly list: (query: JobQuery, signal: AbortSignal) => Promise<JobPage>
  readonly now: () => number
}): { readonly look: (signal: AbortSignal) => Promise<UnfinishedReport> } {
  let seen: ReadonlyMap<JobId, Sighting> = new Map()
  return {
    async look(signal) {
      const found = new Map<JobId, Sighting>()
      const groups = new Map<string, UnfinishedGroup>()
      let idleMs = 0
      for (const state of STATES) {
        for await (const stored of jobsIn(deps.list, state, signal)) {
          const { id, vault } = stored.job.definition
          // It changed its state meanwhile, and was seen in the one before.
          if (found.has(id)) continue
          const sighting = sight(stored, seen.get(id), deps.now())
          found.set(id, sighting)
          if (uploadOf(stored.job.progress) !== null) {
            idleMs = Math.max(idleMs, deps.now() - sighting.movedAtMs)
          }
          const key = `${state} ${vault}`
          groups.set(key, join(groups.get(key), stored, state))
        }
      }
      seen = found
      return { groups: [...groups.values()], idleMs }
    },
  }
}

function sight({ job, counts }: StoredJob, before: Sighting | undefined, nowMs: number): Sighting {
  const { uploadedParts } = counts
  const movedAtMs =
    before !== undefined && before.uploadedParts !== uploadedParts
      ? nowMs
      : Math.max(job.updatedAtMs, before?.movedAtMs ?? 0)
  return { uploadedParts, movedAtMs }
}

function join(
  group: UnfinishedGroup | undefined,
  stored: StoredJob,
  state: JobState,
): UnfinishedGroup {
  const { vault, createdAtMs } = stored.job.definition
  return {
    vault,
    state,
    jobCount: (group?.jobCount ?? 0) + 1,
    leftBytes: (group?.leftBytes ?? 0) + leftBytes(stored),
    oldestCreatedAtMs: Math.min(group?.oldestCreatedAtMs ?? createdAtMs, createdAtMs),
  }
}

function leftBytes({ job: { progress }, counts }: StoredJob): number {
  if (progress.state !== 'uploading' && progress.state !== 'paused') return 0
  if (progress.upload === null) return 0
  return progress.upload.plan.sizeBytes - counts.uploadedBytes
}

async function* jobsIn(
  list: (query: JobQuery, signal: AbortSignal) => Promise<JobPage>,
  state: JobState,
  signal: AbortSignal,
): AsyncGenerator<StoredJob> {
  let cursor: string | null = null
  do {
    const page: JobPage = await list({ state, cursor, limit: PAGE_SIZE }, signal)
    yield* page.items
    cursor = page.nextCursor
  } while (cursor !== null)
}
