import type { JobId } from '@firn/core'
import type { JobStore, StateEvent, StoredJob } from '@firn/store'
import type { Watcher } from './watchers.ts'

export const EVENT_PAGE = 500
/** What a watcher missed beyond this is not told: it sees the present and goes on from there. */
const PAGES_MAX = 10
const LOADS_AT_ONCE = 64

/**
 * Tells a watcher what it missed between its last stream and `untilId`. A watcher of one job that
 * missed nothing is told the job's present state, so that its stream begins with something.
 * Returns the ids of the events told; they may reach beyond `untilId`.
 */
export async function tellMissedEvents(
  store: Pick<JobStore, 'stateEvents' | 'load'>,
  watcher: Watcher,
  untilId: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const told = new Set<string>()
  const events = await missedEvents(store, watcher, untilId, signal)
  const jobs = await loadJobs(
    store,
    events.map(({ jobId }) => jobId),
    signal,
  )
  for (const event of events) {
    const stored = jobs.get(event.jobId)
    if (stored === undefined) continue
    watcher.onState(event.id, event.state, stored)
    told.add(event.id)
  }
  if (told.size === 0 && watcher.jobId !== null) {
    const stored = await store.load(watcher.jobId, signal)
    if (stored !== undefined) watcher.onState(untilId, stored.job.progress.state, stored)
  }
  return told
}

async function missedEvents(
  store: Pick<JobStore, 'stateEvents'>,
  watcher: Watcher,
  untilId: string,
  signal: AbortSignal,
): Promise<StateEvent[]> {
  const missed: StateEvent[] = []
  let after = watcher.afterId ?? untilId
  for (let page = 0; page < PAGES_MAX && after !== untilId; page += 1) {
    const events = await store.stateEvents(after, EVENT_PAGE, signal)
    missed.push(...events.filter(({ jobId }) => watcher.jobId === null || watcher.jobId === jobId))
    if (events.length < EVENT_PAGE || events.some(({ id }) => id === untilId)) break
    after = events.at(-1)?.id ?? untilId
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
