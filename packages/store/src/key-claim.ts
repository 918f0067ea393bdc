import { AppError, type JobId, parseJobId } from '@firn/core'

/** What an idempotency key is bound to. */
export interface KeyClaim {
  readonly jobId: JobId
  readonly requestHash: string
}

/** Reads a claim as the store keeps it; throws `JOB_MALFORMED` for anything else. */
export function parseClaim(text: unknown): KeyClaim {
  const value: unknown = typeof text === 'string' ? JSON.parse(text) : undefined
  if (typeof value === 'object' && value !== null && 'jobId' in value && 'requestHash' in value) {
    const { jobId: idText, requestHash } = value
    const jobId = typeof idText === 'string' ? parseJobId(idText) : undefined
    if (jobId !== undefined && typeof requestHash === 'string') return { jobId, requestHash }
  }
  throw new AppError('JOB_MALFORMED', 'Cannot read what an idempotency key is bound to')
}
