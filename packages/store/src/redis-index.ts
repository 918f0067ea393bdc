import { AppError, invariant, type JobId, jobStates, parseJobId, workFor } from '@firn/core'
import type { Cluster, Redis } from 'ioredis'
import type { JobPage, StateEvent, StoredJob } from './job-store.ts'
import {
  archivesKey,
  dueKey,
  eventsKey,
  indexMember,
  jobKey,
  jobsKey,
  memberJobId,
  stateKey,
  stateKeys,
  versionsKey,
} from './keys.ts'
import { indexJobScript } from './scripts/index-job.ts'
import { runScript } from './scripts/script.ts'
import { countStates } from './state-counts.ts'
import { storeCall } from './store-call.ts'
import type { IndexStore } from './store-facets.ts'
import { parseStoredJob, storedFields } from './stored-job.ts'

/** Events kept for readers that fall behind; about 1 MB. */
const EVENTS_MAX = 10_000

/** What the index has to know of a job. */
interface JobToIndex extends Pick<StoredJob, 'job' | 'version'> {
  /** Drawn when the record was made: one that was lost and made anew counts from 1 again. */
  readonly incarnation: string
}

interface LoadedJob {
  readonly stored: StoredJob
  readonly incarnation: string
}

export async function loadJob(redis: Redis | Cluster, id: JobId): Promise<StoredJob | undefined> {
  return (await loadRecord(redis, id))?.stored
}

async function loadRecord(redis: Redis | Cluster, id: JobId): Promise<LoadedJob | undefined> {
  const [incarnation, ...fields] = await redis.hmget(jobKey(id), 'incarnation', ...storedFields)
  const stored = parseStoredJob(id, fields)
  return stored && { stored, incarnation: incarnation ?? '' }
}

/** Brings the index to this version of the job, or to a newer one that has overtaken it. */
export async function indexJob(redis: Redis | Cluster, saved: JobToIndex): Promise<void> {
  if (await tellIndex(redis, saved, '')) return
  // The index is ahead: the job was saved again meanwhile, or its shard of a cluster lost what it
  // had acknowledged. The record as it is decides.
  const { id } = saved.job.definition
  const present = await loadRecord(redis, id)
  if (present === undefined) return
  await tellIndex(redis, { ...present.stored, incarnation: present.incarnation }, 'force')
  // Whoever saved between these two steps may have been indexed before the second.
  const last = await loadRecord(redis, id)
  if (last === undefined || last.stored.version === present.stored.version) return
  await tellIndex(redis, { ...last.stored, incarnation: last.incarnation }, '')
}

/** Resolves to false when the index knows something newer and was not forced. */
async function tellIndex(
  redis: Redis | Cluster,
  { job, version, incarnation }: JobToIndex,
  force: 'force' | '',
): Promise<boolean> {
  const { id, createdAtMs } = job.definition
  const { progress } = job
  const { state } = progress
  const member = indexMember(createdAtMs, id)
  const due = workFor(job.progress) === undefined ? '' : 'due'
  // First, so that whoever dies in between leaves a job that is still due and indexed again.
  if (progress.state === 'archived') {
    await redis.hset(archivesKey, progress.archive.archiveId, id)
  }
  const answer = await runScript(
    redis,
    indexJobScript,
    [jobsKey, versionsKey, eventsKey, dueKey, ...stateKeys],
    [id, version, state, member, due, EVENTS_MAX, incarnation, force, ...jobStates],
  )
  return answer === 1
}

/** The part of the store that answers from the index: lists, counts, events. */
export function createRedisIndex(redis: Redis | Cluster): IndexStore {
  return {
    list: ({ state, cursor, limit }, signal) =>
      storeCall('list jobs', signal, () =>
        loadPage(redis, {
          key: state === null ? jobsKey : stateKey(state),
          cursor,
          limit,
          belongs: ({ job }) => state === null || job.progress.state === state,
        }),
      ),

    listDue: ({ cursor, limit }, signal) =>
      storeCall('list jobs with work left', signal, () =>
        loadPage(redis, {
          key: dueKey,
          cursor,
          limit,
          belongs: ({ job }) => workFor(job.progress) !== undefined,
        }),
      ),

    countByState: (signal) =>
      storeCall('count jobs', signal, async () => {
        const counts = await Promise.all(stateKeys.map((key) => redis.zcard(key)))
        return countStates((state) => counts[jobStates.indexOf(state)] ?? 0)
      }),

    findArchive: (archiveId, signal) =>
      storeCall('look for an archive', signal, async () =>
        parseJobId((await redis.hget(archivesKey, archiveId)) ?? ''),
      ),

    reindex: (id, signal) =>
      storeCall(`index job "${id}"`, signal, async () => {
        const record = await loadRecord(redis, id)
        if (record === undefined) return
        await indexJob(redis, { ...record.stored, incarnation: record.incarnation })
      }),

    stateEvents: (afterId, limit, signal) =>
      storeCall('read state events', signal, async () => {
        const entries = await redis.xrange(eventsKey, `(${afterId}`, '+', 'COUNT', limit)
        return entries.map(([id, fields]) => parseEvent(id, fields))
      }),

    lastEventId: (signal) =>
      storeCall('read the last state event', signal, async () => {
        const [newest] = await redis.xrevrange(eventsKey, '+', '-', 'COUNT', 1)
        return newest?.[0] ?? '0'
      }),
  }
}

/**
 * One page of a set of the index. A job whose writer has not indexed it yet, or died before, is
 * indexed here and left out of the set that it has left. So is a damaged record: it must not hide
 * every other job of its page, and loading it alone says what is wrong.
 */
async function loadPage(
  redis: Redis | Cluster,
  page: {
    readonly key: string
    readonly cursor: string | null
    readonly limit: number
    readonly belongs: (stored: StoredJob) => boolean
  },
): Promise<JobPage> {
  const max = page.cursor === null ? '+' : `(${page.cursor}`
  const range = [page.key, max, '-', 'BYLEX', 'REV', 'LIMIT', 0, page.limit + 1] as const
  const found = await redis.zrange(...range)
  const members = found.slice(0, page.limit)
  const ids = members.map(memberToJobId).filter((id) => id !== undefined)
  const loaded = await Promise.all(ids.map((id) => loadRecord(redis, id).catch(unlessMalformed)))
  const items: StoredJob[] = []
  for (const record of loaded) {
    if (record === undefined) continue
    const { stored, incarnation } = record
    if (page.belongs(stored)) items.push(stored)
    else await indexJob(redis, { ...stored, incarnation })
  }
  return { items, nextCursor: found.length > page.limit ? (members.at(-1) ?? null) : null }
}

function unlessMalformed(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'JOB_MALFORMED') return undefined
  throw error
}

/** Undefined for a member that is damaged, which must not hide the others either. */
function memberToJobId(member: string): JobId | undefined {
  return parseJobId(memberJobId(member))
}

function parseEvent(id: string, fields: readonly string[]): StateEvent {
  const [, jobIdText = '', , stateText = '', , versionText = ''] = fields
  const jobId = parseJobId(jobIdText)
  const state = jobStates.find((known) => known === stateText)
  const version = Number(versionText)
  invariant(jobId && state && Number.isSafeInteger(version), `state event ${id}`)
  return { id, jobId, state, version }
}
