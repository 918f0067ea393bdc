import type { JobState } from '@firn/core'
import type { JobPage, JobStore, StoredJob } from '@firn/store'

export interface JobFilter {
  readonly state: JobState | null
  readonly vault: string | null
  /** Each `key:value`; a job must have all of them. */
  readonly labels: readonly string[]
  readonly limit: number
  readonly cursor: string | null
}

/** Bounds one request: a page that few jobs match ends early and is continued by its cursor. */
const STORE_PAGES_MAX = 10

/**
 * A page of the jobs that match. The store knows states only, so vault and labels are looked for
 * page by page; a page may be short, even empty, and still have a cursor.
 */
export async function listJobs(
  store: Pick<JobStore, 'list'>,
  filter: JobFilter,
  signal: AbortSignal,
): Promise<JobPage> {
  const items: StoredJob[] = []
  let cursor = filter.cursor
  for (let page = 0; page < STORE_PAGES_MAX; page += 1) {
    const limit = filter.limit - items.length
    const found = await store.list({ state: filter.state, cursor, limit }, signal)
    items.push(...found.items.filter((stored) => matches(stored, filter)))
    cursor = found.nextCursor
    if (cursor === null || items.length >= filter.limit) break
  }
  return { items, nextCursor: cursor }
}

function matches({ job }: StoredJob, filter: JobFilter): boolean {
  const { vault, labels } = job.definition
  if (filter.vault !== null && vault !== filter.vault) return false
  return filter.labels.every((wanted) => {
    const colon = wanted.indexOf(':')
    return labels[wanted.slice(0, colon)] === wanted.slice(colon + 1)
  })
}
