import { setTimeout as delay } from 'node:timers/promises'
import { isFinished, type JobId } from '@firn/core'
import type { JobStore, StoredJob } from '@firn/store'
import { EVENT_PAGE, loadJobs, tellMissedEvents } from './missed-events.ts'
import { createWatchers, type Watcher, type Watchers } from './watchers.ts'

/**
 * Asks the store what is new and tells every watcher: one poll for the whole process, however many
 * listen, and none while nobody does.
 */
export interface EventHub extends AsyncDisposable {
  /** Tells `watcher`, first what it missed since `afterId` as far as it is kept, until disposed. */
  readonly watch: (watcher: Watcher, signal: AbortSignal) => Promise<Disposable>
}

type Store = Pick<JobStore, 'stateEvents' | 'lastEventId' | 'load' | 'list'>

const PROGRESS_JOBS_MAX = 200
/** While the store is away it is asked less often. */
const FAILURE_PAUSE_FACTOR = 5

export function createEventHub(options: {
  readonly store: Store
  readonly pollMs: number
  /** Called once per outage. */
  readonly onError: (error: unknown) => void
}): EventHub {
  const { store, pollMs } = options
  const stop = new AbortController()
  const watchers = createWatchers()
  let cursor: string | null = null
  let running: Promise<void> | null = null

  /** One round; returns how long to wait before the next. */
  async function poll(tellProgress: ReturnType<typeof progressTeller>): Promise<number> {
    const news = await readNews(store, watchers, cursor ?? '0', stop.signal)
    cursor = news.cursor
    for (const tell of news.states) tell()
    tellProgress(news.jobs)
    return news.isPageFull ? 0 : pollMs
  }

  async function run(): Promise<void> {
    const tellProgress = progressTeller(watchers)
    let failures = 0
    while (!watchers.isEmpty() && !stop.signal.aborted) {
      const pauseMs = await poll(tellProgress).catch((error: unknown) => {
        failures += 1
        if (failures === 1 && !stop.signal.aborted) options.onError(error)
        return null
      })
      if (pauseMs !== null) failures = 0
      const waitMs = pauseMs ?? pollMs * FAILURE_PAUSE_FACTOR
      await delay(waitMs, undefined, { signal: stop.signal }).catch(() => undefined)
    }
    // The next watcher begins anew: what happens until then nobody hears.
    cursor = null
    running = null
  }

  return {
    async watch(watcher, signal) {
      const latestId = await store.lastEventId(signal)
      cursor ??= latestId
      const added = watchers.add(watcher)
      running ??= run()
      try {
        added.release(await tellMissedEvents(store, watcher, latestId, signal))
      } catch (error) {
        added.remove()
        throw error
      }
      return { [Symbol.dispose]: added.remove }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

/** What happened after `cursor`. Loads everything before anything is told, so a failure loses nothing. */
async function readNews(store: Store, watchers: Watchers, cursor: string, signal: AbortSignal) {
  const events = await store.stateEvents(cursor, EVENT_PAGE, signal)
  const wanted = events.filter(({ jobId }) => watchers.isWatched(jobId))
  const ids = [...wanted.map(({ jobId }) => jobId), ...watchers.jobIds()]
  const jobs = await loadJobs(store, ids, signal)
  if (watchers.isAllWatched()) {
    const query = { state: 'uploading', cursor: null, limit: PROGRESS_JOBS_MAX } as const
    const { items } = await store.list(query, signal)
    for (const stored of items) jobs.set(stored.job.definition.id, stored)
  }
  return {
    jobs,
    cursor: events.at(-1)?.id ?? cursor,
    isPageFull: events.length === EVENT_PAGE,
    states: wanted.map((event) => () => {
      const stored = jobs.get(event.jobId)
      if (stored !== undefined) watchers.tellState(event, stored)
    }),
  }
}

/** Tells of the progress of jobs that made some since they were last looked at. */
function progressTeller(watchers: Watchers): (jobs: ReadonlyMap<JobId, StoredJob>) => void {
  const shownByJob = new Map<JobId, string>()
  return (jobs) => {
    for (const id of shownByJob.keys()) if (!jobs.has(id)) shownByJob.delete(id)
    for (const [id, stored] of jobs) {
      const { job, counts } = stored
      const shown = `${job.progress.generation} ${counts.uploadedBytes} ${counts.bytesPerSecond}`
      if (isFinished(job.progress.state) || shownByJob.get(id) === shown) continue
      shownByJob.set(id, shown)
      watchers.tellProgress(stored)
    }
  }
}
