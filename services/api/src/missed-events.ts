import type { JobId } from '@firn/core'
import type { JobStore, StateEvent, StoredJob } from '@firn/store'
import type { Watcher } from './watchers.ts'

export const EVENT_PAGE = 500
/** What a watcher missed beyond this is not told: it sees the present and goes on from there. */
const PAGES_MAX = 10
const LOADS_AT_ONCE = 64

/**
 * Tells a watcher what it missed since its last stream. A watcher of one job that missed nothing
 * is told the job's present state, under `latestId`, so that its stream begins with something.
 *
 * @param latestId the id of the newest event, read before: whatever is loaded here includes it.
 * @returns up to which version each job was told.
 */
export async function tellMissedEvents(
  store: Pick<JobStore, 'stateEvents' | 'load'>,
  watcher: Watcher,
  latestId: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<JobId, number>> {
  const toldVersions = new Map<JobId, number>()
  const events = await missedEvents(store, watcher, signal)
  const ids = events.map(({ jobId }) => jobId)
  const jobs = await loadJobs(store, ids, signal)
  for (const event of events) {
    const stored = jobs.get(event.jobId)
    if (stored === undefined) continue
    watcher.onState(event.id, event.state, stored)
    toldVersions.set(event.jobId, event.version)
  }
  if (toldVersions.size === 0 && watcher.jobId !== null) {
    const stored = await store.load(watcher.jobId, signal)
    if (stored === undefined) return toldVersions
    watcher.onState(latestId, stored.job.progress.state, stored)
    toldVersions.set(watcher.jobId, stored.version)
  }
  return toldVersions
}

async function missedEvents(
  store: Pick<JobStore, 'stateEvents'>,
  { afterId, jobId }: Watcher,
  signal: AbortSignal,
): Promise<StateEvent[]> {
  const missed: StateEvent[] = []
  let after = afterId
  for (let page = 0; page < PAGES_MAX && after !== null; page += 1) {
    const events = await store.stateEvents(after, EVENT_PAGE, signal)
    missed.push(...events.filter((event) => jobId === null || event.jobId === jobId))
    after = events.length === EVENT_PAGE ? (events.at(-1)?.id ?? null) : null
  }
  return missed
}

/** The jobs that exist among `ids`, a few at a time. */
export async function loadJobs(
  store: Pick<JobStore, 'load'>,
  ids: Iterable<JobId>,
  signal: AbortSignal,
): Promise<Map<JobId, StoredJob>> {
  const jobs = new Map<JobId, StoredJob>()
  const distinct = [...new Set(ids)]
  for (let start = 0; start < distinct.length; start += LOADS_AT_ONCE) {
    const some = distinct.slice(start, start + LOADS_AT_ONCE)
    const loaded = await Promise.all(some.map((id) => store.load(id, signal)))
    for (const stored of loaded) if (stored) jobs.set(stored.job.definition.id, stored)
  }
  return jobs
}
