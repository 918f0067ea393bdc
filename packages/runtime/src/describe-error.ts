/** How deep chains of causes and nested lists of errors are followed. */
const DEPTH_MAX = 6
const NESTED_MAX = 4

export interface ErrorDescription {
  readonly type: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: ErrorDescription
  readonly errors?: readonly ErrorDescription[]
}

/** Removes the user part of URLs and bearer tokens, wherever they stand in a text. */
export function scrubSecrets(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@"']*@/gi, '$1[redacted]@')
    .replace(/(bearer\s+)[^\s"']+/gi, '$1[redacted]')
}

/**
 * An error as log fields: name, code, message, stack and causes, and nothing else. Clients hang
 * whole requests on their errors (ioredis the command's arguments, AUTH's too), so fields are
 * allowed by name rather than refused.
 */
export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) {
    return { type: typeof error, message: scrubSecrets(String(error)) }
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const isDeepest = depth >= DEPTH_MAX
  const nested = error instanceof AggregateError ? error.errors.slice(0, NESTED_MAX) : []
  return {
    type: error.name,
    message: scrubSecrets(error.message),
    ...(code !== undefined && { code }),
    ...(error.stack !== undefined && { stack: scrubSecrets(error.stack) }),
    ...(!isDeepest &&
      error.cause !== undefined && { cause: describeError(error.cause, depth + 1) }),
    ...(!isDeepest &&
      nested.length > 0 && { errors: nested.map((one) => describeError(one, depth + 1)) }),
  }
}
