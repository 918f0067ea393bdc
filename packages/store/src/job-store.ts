import type { Job, JobError, JobId, JobState } from '@firn/core'

/** One part of one generation of a job's upload. `index` is 0-based. */
export interface PartRef {
  readonly jobId: JobId
  readonly generation: number
  readonly index: number
}

/** Progress counted by the store itself, part by part, for the job's present generation. */
export interface PartCounts {
  readonly uploadedParts: number
  readonly uploadedBytes: number
  /** The window's cursor: parts below it have been handed out at least once. */
  readonly openedParts: number
  /** Bytes a second over about the last ten seconds of records; null before two of them. */
  readonly bytesPerSecond: number | null
}

export interface StoredJob {
  readonly job: Job
  /** Rises by one with each save; what compare-and-set compares. */
  readonly version: number
  readonly counts: PartCounts
  /** Why the latest run failed that will be made again; null once something succeeded since. */
  readonly trouble: JobError | null
}

/**
 * `go`: upload it. `uploaded`: its hash is recorded, there is nothing to do. `stale`: the job is
 * not uploading this generation (paused, cancelled, finished, restarted or unknown).
 */
export type BeginPart = 'go' | 'uploaded' | 'stale'

/** A run of a part. One that was handed back or cut off is made again as the same try. */
export interface BegunPart {
  readonly worker: string
  /** From 1, as the queue counts. */
  readonly attempt: number
}

export interface RecordPartInput {
  /** The part's SHA-256 tree hash, 32 bytes. */
  readonly treeHash: Uint8Array
  readonly sizeBytes: number
  /** At most this many parts may be handed out and not uploaded. */
  readonly window: number
  /** For the rate only; clocks of workers may differ. */
  readonly nowMs: number
}

/**
 * `recorded` and `already` tell which parts the window now hands out (to be enqueued by the
 * caller) and whether every part is uploaded. `conflict`: another hash is recorded for the part.
 * `stale`: not this generation, or the job is finished; nothing was recorded.
 */
export type RecordPart =
  | {
      readonly outcome: 'recorded' | 'already'
      readonly opened: readonly number[]
      readonly isComplete: boolean
    }
  | { readonly outcome: 'conflict' | 'stale' }

/** What is known of the parts of one generation, for up to 10,000 of them. */
export interface PartTable {
  /** Highest bit of the first byte is part 0. May be shorter than the parts; the rest is 0. */
  readonly bitmap: Uint8Array
  /** 32 bytes a part, in order; meaningful where the bit is set. May be shorter than the parts. */
  readonly treeHashes: Uint8Array
  /** Which counted try of the part is or was the latest, 0 to 65,535; missing entries are 0. */
  readonly attempts: readonly number[]
  /** Name of the worker that began it last, or null. */
  readonly workers: readonly (string | null)[]
}

export interface JobQuery {
  readonly state: JobState | null
  /** From an earlier page, or null for the newest. */
  readonly cursor: string | null
  readonly limit: number
}

export interface JobPage {
  /** Newest first. */
  readonly items: readonly StoredJob[]
  readonly nextCursor: string | null
}

/** A change of state, in the order in which the store's index saw them. */
export interface StateEvent {
  /** Position in the stream; opaque, usable to continue after it. */
  readonly id: string
  readonly jobId: JobId
  readonly state: JobState
  readonly version: number
}

/** What a worker has to know to abandon a part in flight. */
export interface Liveness {
  readonly state: JobState
  readonly generation: number
}

/**
 * Durable home of the state of jobs. Every method rejects with the signal's reason when aborted
 * and with `STORE_UNAVAILABLE` when the store cannot be reached; then the outcome is unknown, and
 * doing the same again is safe.
 */
export interface JobStore {
  /** Adds a job. Returns false, and changes nothing, when its id is taken. */
  readonly create: (job: Job, signal: AbortSignal) => Promise<boolean>
  readonly load: (id: JobId, signal: AbortSignal) => Promise<StoredJob | undefined>
  /**
   * Compare-and-set. Returns false, and changes nothing, when `expectedVersion` is stale. A new
   * generation starts with no parts recorded; an upload's plan fixes how many parts there are.
   */
  readonly save: (job: Job, expectedVersion: number, signal: AbortSignal) => Promise<boolean>
  readonly list: (query: JobQuery, signal: AbortSignal) => Promise<JobPage>
  /**
   * Jobs that have work left (core's `workFor` says so), in any order; what the sweeper goes
   * through. Does not grow with the number of finished jobs.
   */
  readonly listDue: (
    page: { readonly cursor: string | null; readonly limit: number },
    signal: AbortSignal,
  ) => Promise<JobPage>
  /** How many jobs are in each state; states without a job are 0. */
  readonly countByState: (signal: AbortSignal) => Promise<Readonly<Record<JobState, number>>>
  /** The job whose archive this is; undefined when no job of this store has become it. */
  readonly findArchive: (archiveId: string, signal: AbortSignal) => Promise<JobId | undefined>
  /** Puts right what the index says of a job whose writer died between save and index. */
  readonly reindex: (id: JobId, signal: AbortSignal) => Promise<void>
  /**
   * Notes who begins the part and which counted try it is, unless there is nothing to do. Only jobs
   * in state `uploading` with the same generation say `go`.
   */
  readonly beginPart: (ref: PartRef, begun: BegunPart, signal: AbortSignal) => Promise<BeginPart>
  /** Hands out the next parts, so that at most `window` are handed out and not uploaded. */
  readonly openParts: (
    job: { readonly jobId: JobId; readonly generation: number },
    window: number,
    signal: AbortSignal,
  ) => Promise<readonly number[]>
  /**
   * Records an uploaded part, once: the same hash again changes nothing. A paused job records too
   * (its part was in flight) but opens no window. Whoever sees `isComplete` enqueues the
   * finalizer; every later caller sees it too.
   */
  readonly recordPart: (
    ref: PartRef,
    input: RecordPartInput,
    signal: AbortSignal,
  ) => Promise<RecordPart>
  /** Notes why a run failed, until a part is recorded or the job is saved. */
  readonly noteTrouble: (
    job: { readonly jobId: JobId; readonly generation: number },
    trouble: JobError,
    signal: AbortSignal,
  ) => Promise<void>
  /**
   * Forgets recorded parts that Glacier turned out not to have, so that they are uploaded again:
   * the window's cursor goes back to the lowest of them, and {@link openParts} hands them out.
   */
  readonly forgetParts: (
    job: { readonly jobId: JobId; readonly generation: number },
    parts: readonly { readonly index: number; readonly sizeBytes: number }[],
    signal: AbortSignal,
  ) => Promise<void>
  /** Parts that were handed out and are not uploaded, ascending, at most `limit`: cheap, hash-free. */
  readonly unfinishedParts: (
    job: { readonly jobId: JobId; readonly generation: number },
    limit: number,
    signal: AbortSignal,
  ) => Promise<readonly number[]>
  readonly loadParts: (
    job: { readonly jobId: JobId; readonly generation: number; readonly partCount: number },
    signal: AbortSignal,
  ) => Promise<PartTable>
  /** In the order of `ids`; undefined where there is no such job. One round trip. */
  readonly liveness: (
    ids: readonly JobId[],
    signal: AbortSignal,
  ) => Promise<readonly (Liveness | undefined)[]>
  /** State changes after `afterId` ('0' for the oldest kept), at most `limit`; waits for none. */
  readonly stateEvents: (
    afterId: string,
    limit: number,
    signal: AbortSignal,
  ) => Promise<readonly StateEvent[]>
  /** The id of the newest state event, to continue after; '0' when there is none. */
  readonly lastEventId: (signal: AbortSignal) => Promise<string>
  /**
   * Whether this is still the store that {@link putMark} marked. One that lost everything lost the
   * mark too; one that was restarted or failed over since may have lost what it acknowledged last,
   * so the mark of its predecessor does not count.
   */
  readonly hasMark: (signal: AbortSignal) => Promise<boolean>
  /** To be called before all jobs are looked at; what {@link putMark} takes afterwards. */
  readonly beginMark: (signal: AbortSignal) => Promise<string>
  /** Leaves no mark that counts if, since it was begun, the store lost what it had. */
  readonly putMark: (begun: string, signal: AbortSignal) => Promise<void>
}
