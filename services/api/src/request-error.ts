import type { InputError } from '@firn/contracts'
import type { ErrorCode } from '@firn/core'

/** Refusals that only an HTTP request can earn; jobs never fail with these. */
export type RequestCode =
  | 'ARCHIVE_NOT_FOUND'
  | 'BODY_TOO_LARGE'
  | 'DEADLINE_EXCEEDED'
  | 'EXPECTATION_UNKNOWN'
  | 'HEADERS_TOO_LARGE'
  | 'IDEMPOTENCY_KEY_INVALID'
  | 'JSON_INVALID'
  | 'JSON_TOO_DEEP'
  | 'MEDIA_TYPE_UNSUPPORTED'
  | 'METHOD_NOT_ALLOWED'
  | 'PARAMETER_INVALID'
  | 'REQUEST_MALFORMED'
  | 'REQUEST_TIMEOUT'
  | 'ROUTE_NOT_FOUND'
  | 'SHUTTING_DOWN'
  | 'STREAMS_EXHAUSTED'
  | 'TOKEN_MISSING_OR_WRONG'
  | 'UPLOAD_IN_USE'
  | 'VALIDATION_FAILED'
  | 'WORKER_NOT_FOUND'

export type ProblemCode = ErrorCode | RequestCode

export interface ProblemExtras {
  readonly errors?: readonly InputError[]
  /** Commands that the job's state allows. */
  readonly allowed?: readonly string[]
  /** Value of the Allow header. */
  readonly allow?: string
  /** Value of the WWW-Authenticate header, where it is not that of the API. */
  readonly challenge?: string
}

/** A request that is refused. The message is shown to the client, so it never echoes a secret. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: ProblemCode
  readonly extras: ProblemExtras

  constructor(
    code: ProblemCode,
    message: string,
    options: { readonly extras?: ProblemExtras; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.code = code
    this.extras = options.extras ?? {}
  }
}
