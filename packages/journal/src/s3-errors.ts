/** Certificates that nobody trusts do not mend by themselves. */
const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|HOSTNAME_MISMATCH)/
/** "Later, please", whatever the status. */
const LATER =
  /^(?:ConditionalRequestConflict|RequestTimeout|SlowDown|Throttling|ThrottlingException|TooManyRequests)$/

/** What an answer's status says; undefined when no answer came. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  const status: unknown = Reflect.get(Object(error.$metadata), 'httpStatusCode')
  return typeof status === 'number' ? status : undefined
}

/** There is an object under the key already, so a put that must not overwrite changed nothing. */
export function isTaken(error: unknown): boolean {
  return statusOf(error) === 412
}

/**
 * There is no object under the key. A 404 for any other reason, such as a bucket that is not there,
 * or from a proxy, says nothing about the object.
 */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchKey' && statusOf(error) === 404
}

/** Where the bucket is, when an answer says that it is elsewhere. */
export function regionOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('$response' in error)) return undefined
  const headers: unknown = Reflect.get(Object(error.$response), 'headers')
  const region: unknown = Reflect.get(Object(headers), 'x-amz-bucket-region')
  return typeof region === 'string' && region !== '' ? region : undefined
}

/** A key that is taken and has no object: what S3 itself calls a conflict while one is under way. */
export function conflictAt(key: string): Error {
  const error = new Error(`${key} was there already when it was put, and is not there`)
  return Object.assign(error, { name: 'ConditionalRequestConflict' })
}

/**
 * Whether the same request may succeed soon. Then, too, it is not known whether a write was carried
 * out: a connection that broke, a deadline that passed and a 500 say nothing about it.
 */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (LATER.test(error.name)) return true
  const status = statusOf(error)
  if (status === undefined) return isNetwork(error)
  // 409: another conditional write, or a delete, of the same key was under way.
  // 2xx with an error: the answer was cut, or came from something else.
  return status >= 500 || [408, 409, 429].includes(status) || status < 300
}

function isNetwork(error: Error): boolean {
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return true
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' && !UNTRUSTED.test(code) && !code.startsWith('ERR_INVALID_')
}
