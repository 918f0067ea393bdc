import { type Job, type JobId, type JobState, workFor } from '@firn/core'
import type { JobPage, StateEvent, StoredJob } from './job-store.ts'
import { countStates } from './state-counts.ts'
import { storeCall } from './store-call.ts'
import type { IndexStore } from './store-facets.ts'

/** What the index has to know of a job. */
export interface MemoryIndexEntry {
  readonly state: JobState
  readonly member: string
}

/** The index needs no upkeep: it looks at every job. */
export function createMemoryIndex<Entry extends MemoryIndexEntry>(
  entries: ReadonlyMap<JobId, Entry>,
  events: readonly StateEvent[],
  toStored: (id: JobId, entry: Entry) => StoredJob,
): IndexStore {
  const page = (
    { cursor, limit }: { readonly cursor: string | null; readonly limit: number },
    belongs: (job: Job) => boolean,
  ): JobPage => {
    const found = [...entries]
      .filter(([, { member }]) => cursor === null || member < cursor)
      .sort(([, a], [, b]) => (a.member < b.member ? 1 : -1))
      .map(([id, entry]) => ({ member: entry.member, stored: toStored(id, entry) }))
      .filter(({ stored }) => belongs(stored.job))
    const listed = found.slice(0, limit)
    return {
      items: listed.map(({ stored }) => stored),
      nextCursor: found.length > limit ? (listed.at(-1)?.member ?? null) : null,
    }
  }
  return {
    list: (query, signal) =>
      storeCall('list jobs', signal, async () =>
        page(query, ({ progress }) => query.state === null || progress.state === query.state),
      ),

    listDue: (query, signal) =>
      storeCall('list jobs with work left', signal, async () =>
        page(query, ({ progress }) => workFor(progress) !== undefined),
      ),

    countByState: (signal) =>
      storeCall('count jobs', signal, async () => {
        const states = Array.from(entries.values(), ({ state }) => state)
        return countStates((state) => states.filter((other) => other === state).length)
      }),

    findArchive: (archiveId, signal) =>
      storeCall('look for an archive', signal, async () => {
        for (const [id, entry] of entries) {
          const { progress } = toStored(id, entry).job
          if (progress.state === 'archived' && progress.archive.archiveId === archiveId) return id
        }
        return undefined
      }),

    reindex: (_id, signal) => storeCall('index a job', signal, async () => {}),

    stateEvents: (afterId, limit, signal) =>
      storeCall('read state events', signal, async () =>
        events.slice(Number(afterId), Number(afterId) + limit),
      ),

    lastEventId: (signal) =>
      storeCall('read the last state event', signal, async () => String(events.length)),
  }
}
