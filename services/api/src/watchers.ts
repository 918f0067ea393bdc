import type { JobId } from '@firn/core'
import type { StateEvent, StoredJob } from '@firn/store'

/** Somebody who wants to know what becomes of one job, or of all. */
export interface Watcher {
  /** Null for all jobs. */
  readonly jobId: JobId | null
  /** The last event seen in an earlier stream, or null. */
  readonly afterId: string | null
  readonly onState: (id: string, state: StateEvent['state'], stored: StoredJob) => void
  readonly onProgress: (stored: StoredJob) => void
}

/** Everybody who listens at the moment. */
export interface Watchers {
  /**
   * Adds a watcher; what happens from now on is kept back until `release`. That is given the
   * version up to which each job was told already: such events are dropped, then and later.
   */
  readonly add: (watcher: Watcher) => {
    readonly release: (toldVersions: ReadonlyMap<JobId, number>) => void
    readonly remove: () => void
  }
  readonly isEmpty: () => boolean
  readonly isWatched: (id: JobId) => boolean
  /** Whether somebody watches all jobs. */
  readonly isAllWatched: () => boolean
  /** The jobs that are watched by themselves. */
  readonly jobIds: () => ReadonlySet<JobId>
  readonly tellState: (event: StateEvent, stored: StoredJob) => void
  readonly tellProgress: (stored: StoredJob) => void
}

interface Entry {
  readonly watcher: Watcher
  keptBack: { readonly event: StateEvent; readonly stored: StoredJob }[] | null
  toldVersions: ReadonlyMap<JobId, number>
}

export function createWatchers(): Watchers {
  const entries = new Set<Entry>()
  const concerned = (id: JobId): Entry[] =>
    [...entries].filter(({ watcher }) => watcher.jobId === null || watcher.jobId === id)
  return {
    add(watcher) {
      const entry: Entry = { watcher, keptBack: [], toldVersions: new Map() }
      entries.add(entry)
      return {
        release(toldVersions) {
          const kept = entry.keptBack ?? []
          entry.keptBack = null
          entry.toldVersions = toldVersions
          for (const { event, stored } of kept) tell(entry, event, stored)
        },
        remove: () => void entries.delete(entry),
      }
    },
    isEmpty: () => entries.size === 0,
    isWatched: (id) => concerned(id).length > 0,
    isAllWatched: () => [...entries].some(({ watcher }) => watcher.jobId === null),
    jobIds: () => new Set([...entries].flatMap(({ watcher }) => watcher.jobId ?? [])),
    tellState(event, stored) {
      for (const entry of concerned(event.jobId)) {
        if (entry.keptBack === null) tell(entry, event, stored)
        else entry.keptBack.push({ event, stored })
      }
    },
    tellProgress(stored) {
      for (const { watcher, keptBack } of concerned(stored.job.definition.id)) {
        if (keptBack === null) watcher.onProgress(stored)
      }
    },
  }
}

function tell({ watcher, toldVersions }: Entry, event: StateEvent, stored: StoredJob): void {
  if (event.version <= (toldVersions.get(event.jobId) ?? 0)) return
  watcher.onState(event.id, event.state, stored)
}
