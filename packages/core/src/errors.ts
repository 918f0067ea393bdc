/**
 * What the caller may do about a failure. One layer acts on it, the queue's consumer:
 * `retry` again after a back-off, counted; `outage` the same with far more patience (a service is
 * away, which says nothing about the job); `throttle` again later, not counted (the service asked
 * us to slow down); `wait` again later, not counted (an operator must act, such as renewing
 * credentials); `reject` never again, the job fails.
 */
export type Disposition = 'retry' | 'outage' | 'throttle' | 'wait' | 'reject'

/** The closed set of failures a job can meet. Each code answers one question: may I try again? */
export const dispositionByCode = {
  SOURCE_NOT_FOUND: 'reject',
  SOURCE_NOT_ALLOWED: 'reject',
  SOURCE_NOT_REGULAR: 'reject',
  SOURCE_EMPTY: 'reject',
  SOURCE_TOO_LARGE: 'reject',
  SOURCE_CHANGED: 'reject',
  SOURCE_UNREADABLE: 'retry',
  PART_SIZE_TOO_SMALL: 'reject',
  EXPECTED_SIZE_MISMATCH: 'reject',
  EXPECTED_SHA256_MISMATCH: 'reject',
  EXPECTED_TREE_HASH_MISMATCH: 'reject',
  PART_CHECKSUM_MISMATCH: 'retry',
  PART_CONFLICT: 'reject',
  ARCHIVE_CHECKSUM_MISMATCH: 'reject',
  RANGE_MISSING: 'retry',
  OUTCOME_UNKNOWN: 'retry',
  OUTCOME_NEEDS_OPERATOR: 'wait',
  GLACIER_UNAVAILABLE: 'outage',
  GLACIER_TIMEOUT: 'outage',
  GLACIER_THROTTLED: 'throttle',
  GLACIER_CREDENTIALS: 'wait',
  GLACIER_VAULT_NOT_FOUND: 'reject',
  GLACIER_UPLOAD_NOT_FOUND: 'retry',
  GLACIER_REFUSED: 'reject',
  STORE_UNAVAILABLE: 'outage',
  QUEUE_UNAVAILABLE: 'outage',
  JOURNAL_UNAVAILABLE: 'outage',
  IDEMPOTENCY_KEY_REUSED: 'reject',
  JOB_NOT_FOUND: 'reject',
  JOB_STATE_CONFLICT: 'reject',
  JOB_MALFORMED: 'reject',
  POISON: 'retry',
  HASHING_FAILED: 'retry',
  INTERNAL: 'retry',
} as const satisfies Record<string, Disposition>

export type ErrorCode = keyof typeof dispositionByCode

/**
 * A failure that somebody can act on. The message says what was being done and what was found;
 * `cause` holds the failure underneath and is never repeated in the message.
 */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  get disposition(): Disposition {
    return dispositionByCode[this.code]
  }
}

/** Anything that was thrown, as an {@link AppError}; what nobody classified is `INTERNAL`. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new AppError('INTERNAL', message, { cause: error })
}
