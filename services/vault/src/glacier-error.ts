/** What Glacier's errors are called, and the status and type that go with each name. */
export const errorKinds = {
  AccessDeniedException: { status: 403, type: 'Client' },
  BadRequest: { status: 400, type: 'Client' },
  ExpiredTokenException: { status: 403, type: 'Client' },
  InsufficientCapacityException: { status: 503, type: 'Server' },
  InvalidParameterValueException: { status: 400, type: 'Client' },
  InvalidSignatureException: { status: 403, type: 'Client' },
  LimitExceededException: { status: 400, type: 'Client' },
  MissingAuthenticationTokenException: { status: 400, type: 'Client' },
  MissingParameterValueException: { status: 400, type: 'Client' },
  NoLongerSupportedException: { status: 400, type: 'Client' },
  PolicyEnforcedException: { status: 400, type: 'Client' },
  RequestTimeoutException: { status: 408, type: 'Client' },
  ResourceNotFoundException: { status: 404, type: 'Client' },
  SerializationException: { status: 400, type: 'Client' },
  ServiceUnavailableException: { status: 500, type: 'Server' },
  ThrottlingException: { status: 400, type: 'Client' },
  UnrecognizedClientException: { status: 400, type: 'Client' },
} as const satisfies Record<
  string,
  { readonly status: number; readonly type: 'Client' | 'Server' | 'Unknown' }
>

export type GlacierErrorCode = keyof typeof errorKinds

/** A refusal as Glacier words it: `code` and `message` reach the client as they are. */
export class GlacierError extends Error {
  override readonly name = 'GlacierError'
  readonly code: GlacierErrorCode

  constructor(code: GlacierErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

export function invalidParameter(message: string): GlacierError {
  return new GlacierError('InvalidParameterValueException', message)
}

export function missingParameter(name: string): GlacierError {
  return new GlacierError('MissingParameterValueException', `Required parameter missing: ${name}`)
}

export function notFound(message: string): GlacierError {
  return new GlacierError('ResourceNotFoundException', message)
}

export function accessDenied(message: string): GlacierError {
  return new GlacierError('AccessDeniedException', message)
}
