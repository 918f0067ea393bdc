import { type AppError, fullJitterMs, toAppError } from '@firn/core'
import { DelayedError, type Job, UnrecoverableError, WaitingError } from 'bullmq'
import type { LockLoss } from './run-lock.ts'

/** How a run ended, as metrics count it. */
export type RunOutcome =
  | 'done'
  | 'retry'
  | 'failed'
  | 'throttled'
  | 'waiting'
  | 'handed-back'
  | 'abandoned'

/** What becomes of the queue job of a run. */
export type Ending =
  | { readonly outcome: 'done' }
  | { readonly outcome: 'retry' | 'failed'; readonly error: AppError }
  | { readonly outcome: 'throttled' | 'waiting'; readonly delayMs: number }
  /** Ours, and given back unfinished: somebody else runs it at once. */
  | { readonly outcome: 'handed-back' }
  /** Perhaps not ours any longer: left alone until its lock expires. */
  | { readonly outcome: 'abandoned' }

export interface EndedRun {
  readonly result: { readonly ok: true } | { readonly ok: false; readonly error: unknown }
  /** Why the run's signal aborted, or null when it did not. */
  readonly aborted: LockLoss | 'shutdown' | null
  readonly isLastAttempt: boolean
  /** A service has been away for as long as anybody waits for it. */
  readonly isPatienceOver: boolean
  /** For outages; that of counted attempts is BullMQ's to ask for. */
  readonly backoff: { readonly baseMs: number; readonly capMs: number }
  /** Earlier runs of the job that were not counted as attempts. */
  readonly uncountedRuns: number
}

// A throttled service recovers in seconds; what an operator must fix takes minutes.
const THROTTLE_MS = { leastMs: 500, baseMs: 1000, capMs: 60_000 }
const OUTAGE_LEAST_MS = 50
const WAIT_MS = { leastMs: 10_000, baseMs: 10_000, capMs: 300_000 }

/** Decides by the outcome of the handler, its error's disposition and what happened to the run. */
export function endingOf(run: EndedRun, random: number): Ending {
  if (run.aborted === 'lock-lost') return { outcome: 'abandoned' }
  if (run.result.ok) return { outcome: 'done' }
  if (run.aborted === 'lock-unsure') return { outcome: 'abandoned' }
  if (run.aborted === 'shutdown') return { outcome: 'handed-back' }
  const error = toAppError(run.result.error)
  switch (error.disposition) {
    case 'reject':
      return { outcome: 'failed', error }
    case 'retry':
      return { outcome: run.isLastAttempt ? 'failed' : 'retry', error }
    case 'outage':
      if (run.isPatienceOver) return { outcome: 'failed', error }
      return {
        outcome: 'waiting',
        delayMs: delayOf({ leastMs: OUTAGE_LEAST_MS, ...run.backoff }, run, random),
      }
    case 'throttle':
      return { outcome: 'throttled', delayMs: delayOf(THROTTLE_MS, run, random) }
    case 'wait':
      return { outcome: 'waiting', delayMs: delayOf(WAIT_MS, run, random) }
  }
}

function delayOf(
  { leastMs, ...limits }: typeof THROTTLE_MS,
  { uncountedRuns }: EndedRun,
  random: number,
): number {
  return leastMs + fullJitterMs({ attempt: uncountedRuns + 1, ...limits }, random)
}

/**
 * Tells BullMQ, in its own vocabulary: resolves when the job is done and throws otherwise. Only
 * `retry` and `failed` count as an attempt.
 */
export async function carryOut(
  ending: Ending,
  run: {
    readonly job: Job
    readonly token: string
    readonly onError: (error: Error) => void
  },
): Promise<void> {
  const { job, token } = run
  switch (ending.outcome) {
    case 'done':
      return
    case 'retry':
      throw ending.error
    case 'failed': {
      const { code, message } = ending.error
      throw Object.assign(new UnrecoverableError(`${code}: ${message}`), { cause: ending.error })
    }
    case 'throttled':
    case 'waiting':
      await job.moveToDelayed(Date.now() + ending.delayMs, token).catch(run.onError)
      throw new DelayedError()
    case 'handed-back':
      await job.moveToWait(token).catch(run.onError)
      throw new WaitingError()
    case 'abandoned':
      // BullMQ leaves the job as it is, as it does where a move above did not succeed; it is run
      // again once its lock has expired.
      throw new WaitingError()
  }
}
