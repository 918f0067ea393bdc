import type { JobId } from '@firn/core'

/** Says which run of a job is due. A hint only: the truth is the job's state in the store. */
export interface JobRef {
  readonly jobId: JobId
  readonly generation: number
}

/**
 * The only producer of queue jobs. Each method is idempotent while the queue job exists: ids are
 * made from job, generation and part. Rejects with `QUEUE_UNAVAILABLE`; then the outcome is
 * unknown, never "not done", and doing the same again is safe.
 */
export interface JobQueues {
  readonly addOpen: (ref: JobRef, priority: number, signal: AbortSignal) => Promise<void>
  readonly addParts: (
    ref: JobRef,
    indexes: readonly number[],
    priority: number,
    signal: AbortSignal,
  ) => Promise<void>
  /**
   * Moves what still waits to be opened or, of these parts, to be uploaded. What is not queued is
   * left alone.
   */
  readonly changePriority: (
    ref: JobRef,
    indexes: readonly number[],
    priority: number,
    signal: AbortSignal,
  ) => Promise<void>
  /** Completes the upload, or resolves what became of it. */
  readonly addFinalize: (ref: JobRef, signal: AbortSignal) => Promise<void>
  /** Aborts the upload of a job that ended without an archive. */
  readonly addAbort: (ref: JobRef, signal: AbortSignal) => Promise<void>
}

/** What a handler is told about the run it makes. */
export interface RunContext {
  /**
   * Aborts when the lock is lost or unsure (another worker may have the job) and when the process
   * shuts down (the job is handed back, no attempt counted).
   */
  readonly signal: AbortSignal
  /** 1 for the first counted attempt. */
  readonly attempt: number
  /** No counted attempt follows this one: a `retry` failure now is the last. */
  readonly isLastAttempt: boolean
  /** A service has been away for so many runs that an `outage` now is the last. */
  readonly isPatienceOver: boolean
}
