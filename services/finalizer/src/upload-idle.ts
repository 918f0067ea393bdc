import type { JobId, JobState } from '@firn/core'
import type { JobPage, JobQuery, StoredJob } from '@firn/store'

/** Jobs in these states have an upload that they still need. */
const STATES: readonly JobState[] = ['uploading', 'paused', 'finalizing', 'reconciling']
const PAGE_SIZE = 200

interface Sighting {
  readonly uploadedParts: number
  /** When it is sure that the upload moved. */
  readonly movedAtMs: number
}

/**
 * Watches for how long uploads have stood still: Glacier may forget one after 24 h. `look` goes
 * through the open uploads and resolves to the longest time, in milliseconds, that one of them had
 * no part recorded. What happened before the first look is unknown and counts as nothing, so after
 * a start the time is an upper bound until the upload moves.
 */
export function createIdleWatch(deps: {
  readonly list: (query: JobQuery, signal: AbortSignal) => Promise<JobPage>
  readonly now: () => number
}): { readonly look: (signal: AbortSignal) => Promise<number> } {
  let seen: ReadonlyMap<JobId, Sighting> = new Map()
  return {
    async look(signal) {
      const found = new Map<JobId, Sighting>()
      let longestMs = 0
      for (const state of STATES) {
        for await (const stored of jobsIn(deps.list, state, signal)) {
          const { id } = stored.job.definition
          const sighting = sight(stored, seen.get(id), deps.now())
          found.set(id, sighting)
          longestMs = Math.max(longestMs, deps.now() - sighting.movedAtMs)
        }
      }
      seen = found
      return longestMs
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
