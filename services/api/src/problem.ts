import type { ServerResponse } from 'node:http'
import type { ProblemView } from '@firn/contracts'
import { AppError } from '@firn/core'
import { type ProblemCode, type ProblemExtras, RequestError } from './request-error.ts'

/** HTTP status exists only here: a new code does not compile until it has one. */
export const statusByCode = {
  REQUEST_MALFORMED: 400,
  JSON_INVALID: 400,
  JSON_TOO_DEEP: 400,
  PARAMETER_INVALID: 400,
  IDEMPOTENCY_KEY_INVALID: 400,
  TOKEN_MISSING_OR_WRONG: 401,
  SOURCE_NOT_ALLOWED: 403,
  ROUTE_NOT_FOUND: 404,
  JOB_NOT_FOUND: 404,
  ARCHIVE_NOT_FOUND: 404,
  WORKER_NOT_FOUND: 404,
  GLACIER_VAULT_NOT_FOUND: 404,
  GLACIER_UPLOAD_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  REQUEST_TIMEOUT: 408,
  JOB_STATE_CONFLICT: 409,
  UPLOAD_IN_USE: 409,
  PART_CONFLICT: 409,
  BODY_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  EXPECTATION_UNKNOWN: 417,
  VALIDATION_FAILED: 422,
  IDEMPOTENCY_KEY_REUSED: 422,
  SOURCE_NOT_FOUND: 422,
  SOURCE_NOT_REGULAR: 422,
  SOURCE_EMPTY: 422,
  SOURCE_TOO_LARGE: 422,
  SOURCE_CHANGED: 422,
  SOURCE_UNREADABLE: 422,
  PART_SIZE_TOO_SMALL: 422,
  EXPECTED_SIZE_MISMATCH: 422,
  EXPECTED_SHA256_MISMATCH: 422,
  EXPECTED_TREE_HASH_MISMATCH: 422,
  PART_CHECKSUM_MISMATCH: 422,
  ARCHIVE_CHECKSUM_MISMATCH: 422,
  STREAMS_EXHAUSTED: 429,
  HEADERS_TOO_LARGE: 431,
  INTERNAL: 500,
  JOB_MALFORMED: 500,
  POISON: 500,
  HASHING_FAILED: 500,
  RANGE_MISSING: 500,
  GLACIER_REFUSED: 502,
  GLACIER_CREDENTIALS: 502,
  GLACIER_UNAVAILABLE: 502,
  OUTCOME_UNKNOWN: 502,
  OUTCOME_NEEDS_OPERATOR: 502,
  GLACIER_THROTTLED: 503,
  STORE_UNAVAILABLE: 503,
  QUEUE_UNAVAILABLE: 503,
  JOURNAL_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 503,
  SHUTTING_DOWN: 503,
  GLACIER_TIMEOUT: 504,
} as const satisfies Record<ProblemCode, number>

const RETRY_AFTER_S = 2

/** An answer to a failed request, ready to be sent. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: ProblemView
}

/** Anything that was thrown, as RFC 9457 shows it. A bug's message is for the log alone. */
export function toProblem(error: unknown, requestId: string | null): Problem {
  const { code, detail, extras } = describe(error)
  const status = statusByCode[code]
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 401 && { 'www-authenticate': extras.challenge ?? 'Bearer realm="firn"' }),
      ...((status === 503 || status === 429) && { 'retry-after': String(RETRY_AFTER_S) }),
      ...(extras.allow !== undefined && { allow: extras.allow }),
      ...(code === 'SHUTTING_DOWN' && { connection: 'close' }),
    },
    body: {
      type: `urn:firn:problem:${code.toLowerCase().replaceAll('_', '-')}`,
      title: titleOf(code),
      status,
      detail,
      code,
      ...(requestId !== null && { requestId }),
      ...(extras.errors && { errors: [...extras.errors] }),
      ...(extras.allowed && { allowed: [...extras.allowed] }),
    },
  }
}

/** Sends a problem, or cuts the connection when the answer has already begun. */
export function sendProblem(res: ServerResponse, problem: Problem): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  const text = JSON.stringify(problem.body)
  res.writeHead(problem.status, { ...problem.headers, 'content-length': Buffer.byteLength(text) })
  res.end(text)
}

function describe(error: unknown): {
  readonly code: ProblemCode
  readonly detail: string
  readonly extras: ProblemExtras
} {
  if (error instanceof RequestError) {
    return { code: error.code, detail: error.message, extras: error.extras }
  }
  if (error instanceof AppError && statusByCode[error.code] !== 500) {
    return { code: error.code, detail: error.message, extras: {} }
  }
  return { code: 'INTERNAL', detail: 'Something went wrong inside Firn', extras: {} }
}

function titleOf(code: ProblemCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
