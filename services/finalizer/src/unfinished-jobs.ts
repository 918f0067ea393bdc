import { type Controls, type JobId, type JobState, uploadOf } from '@firn/core'
import { isHeldBack } from '@firn/engine'
import type { JobPage, JobQuery, StoredJob } from '@firn/store'

/** Jobs that somebody still waits for. */
const STATES: readonly JobState[] = ['queued', 'uploading', 'paused', 'finalizing', 'reconciling']
const PAGE_SIZE = 200

/** Instead of its state, `held` for what an operator's hold keeps workers from. */
export type UnfinishedState = JobState | 'held'

/** The unfinished jobs of one vault in one state; there is at least one. */
export interface UnfinishedGroup {
  readonly vault: string
  readonly state: UnfinishedState
  readonly jobCount: number
  /** Of opened uploads, not uploaded yet: nobody knows the size of what is not opened. */
  readonly leftBytes: number
  readonly oldestCreatedAtMs: number
  /** Since when one of them has stood still: no change of the job, no part recorded. */
  readonly stillSinceMs: number
  /** The same of those that have an upload, which Glacier may forget; null without any. */
  readonly uploadStillSinceMs: number | null
}

export interface UnfinishedReport {
  readonly groups: readonly UnfinishedGroup[]
}

type ListJobs = (query: JobQuery, signal: AbortSignal) => Promise<JobPage>

interface Sighting {
  readonly uploadedParts: number
  /** When it is sure that the upload moved. */
  readonly movedAtMs: number
}

/**
 * Watches the jobs that are unfinished: how many there are of which vault, and for how long they
 * have stood still. `look` goes through all of them. What happened before the first look is unknown
 * and counts as nothing, so after a start the time is an upper bound until an upload moves.
 */
export function createUnfinishedWatch(deps: {
  readonly store: { readonly list: ListJobs }
  readonly controls: () => Controls
  readonly now: () => number
}): { readonly look: (signal: AbortSignal) => Promise<UnfinishedReport> } {
  let seen: ReadonlyMap<JobId, Sighting> = new Map()
  return {
    async look(signal) {
      const found = new Map<JobId, Sighting>()
      const groups = new Map<string, UnfinishedGroup>()
      const controls = deps.controls()
      for await (const { stored, listed } of unfinishedJobs(deps.store.list, signal)) {
        const { id, vault } = stored.job.definition
        // It changed its state meanwhile, and was seen in the one before.
        if (found.has(id)) continue
        const sighting = sight(stored, seen.get(id), deps.now())
        found.set(id, sighting)
        const state = isHeldBack(stored, controls) ? 'held' : listed
        const key = `${state} ${vault}`
        const alone = groupOf(stored, state, sighting)
        const before = groups.get(key)
        groups.set(key, before === undefined ? alone : addGroups(before, alone))
      }
      seen = found
      return { groups: [...groups.values()] }
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

function groupOf(stored: StoredJob, state: UnfinishedState, sighting: Sighting): UnfinishedGroup {
  const { vault, createdAtMs } = stored.job.definition
  const { movedAtMs } = sighting
  return {
    vault,
    state,
    jobCount: 1,
    leftBytes: leftBytes(stored),
    oldestCreatedAtMs: createdAtMs,
    stillSinceMs: movedAtMs,
    uploadStillSinceMs: uploadOf(stored.job.progress) === null ? null : movedAtMs,
  }
}

/** Both as one, under the names of the second. */
export function addGroups(one: UnfinishedGroup, other: UnfinishedGroup): UnfinishedGroup {
  return {
    ...other,
    jobCount: one.jobCount + other.jobCount,
    leftBytes: one.leftBytes + other.leftBytes,
    oldestCreatedAtMs: Math.min(one.oldestCreatedAtMs, other.oldestCreatedAtMs),
    stillSinceMs: Math.min(one.stillSinceMs, other.stillSinceMs),
    uploadStillSinceMs: earlier(one.uploadStillSinceMs, other.uploadStillSinceMs),
  }
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

function leftBytes({ job: { progress }, counts }: StoredJob): number {
  if (progress.state !== 'uploading' && progress.state !== 'paused') return 0
  if (progress.upload === null) return 0
  return progress.upload.plan.sizeBytes - counts.uploadedBytes
}

async function* unfinishedJobs(
  list: ListJobs,
  signal: AbortSignal,
): AsyncGenerator<{ readonly stored: StoredJob; readonly listed: JobState }> {
  for (const listed of STATES) {
    let cursor: string | null = null
    do {
      const page: JobPage = await list({ state: listed, cursor, limit: PAGE_SIZE }, signal)
      for (const stored of page.items) yield { stored, listed }
      cursor = page.nextCursor
    } while (cursor !== null)
  }
}
