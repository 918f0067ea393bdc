import { AppError, type ErrorCode } from '@firn/core'
import { commandJob, type JobDeps } from '@firn/engine'
import type { StoredJob } from '@firn/store'
import { type JobFilter, listJobs } from './list-jobs.ts'

export interface RetryFilter extends Pick<JobFilter, 'vault' | 'labels' | 'cursor'> {
  readonly errorCode: ErrorCode | null
}

export interface RetryReport {
  readonly matched: number
  readonly retried: number
  /** Not in a state to be retried: mostly because their upload is still being aborted. */
  readonly refused: number
  /** Where to go on; null when every job was looked at. */
  readonly nextCursor: string | null
}

/** Half of what a request may last. */
const BUDGET_MS = 2000
/** Jobs that are retried at once; each waits for the disk twice. */
const PAGE_SIZE = 16

/** Retries the failed jobs that match, until it has seen all or its time is up. Safe to repeat. */
export async function retryJobs(
  deps: JobDeps,
  { errorCode, cursor, ...filter }: RetryFilter,
  signal: AbortSignal,
): Promise<RetryReport> {
  const endMs = performance.now() + BUDGET_MS
  let position = cursor
  const outcomes: boolean[] = []
  do {
    const wanted = { ...filter, state: 'failed', limit: PAGE_SIZE, cursor: position } as const
    const page = await listJobs(deps.store, wanted, signal)
    const matching = page.items.filter((stored) => isMatch(stored, errorCode))
    outcomes.push(...(await Promise.all(matching.map((one) => retry(deps, one, signal)))))
    position = page.nextCursor
  } while (position !== null && performance.now() < endMs)
  const retried = outcomes.filter(Boolean).length
  return {
    matched: outcomes.length,
    retried,
    refused: outcomes.length - retried,
    nextCursor: position,
  }
}

function isMatch({ job: { progress } }: StoredJob, errorCode: ErrorCode | null): boolean {
  return progress.state === 'failed' && (errorCode === null || progress.error.code === errorCode)
}

async function retry(deps: JobDeps, { job }: StoredJob, signal: AbortSignal): Promise<boolean> {
  try {
    await commandJob(deps, job.definition.id, 'retry', signal)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'JOB_STATE_CONFLICT') return false
    throw error
  }
}
