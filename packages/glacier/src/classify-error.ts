import { AppError, type ErrorCode } from '@firn/core'

/** What was being done, for the words of the error and for the cases that depend on it. */
export interface Attempt {
  /** As in "Cannot open an upload in vault "photos"". */
  readonly doing: string
  readonly uploadId: string | null
  /** Glacier was sent bytes and their hashes, and compares them. */
  readonly isPart: boolean
}

/**
 * What Glacier's error names mean here. The name decides because the status does not: throttling
 * is a 400, like a refusal (developer guide, "Error Responses").
 */
const codeByName: Readonly<Record<string, ErrorCode>> = {
  ThrottlingException: 'GLACIER_THROTTLED',
  Throttling: 'GLACIER_THROTTLED',
  TooManyRequestsException: 'GLACIER_THROTTLED',
  RequestLimitExceeded: 'GLACIER_THROTTLED',
  SlowDown: 'GLACIER_THROTTLED',
  RequestTimeoutException: 'GLACIER_TIMEOUT',
  RequestTimeout: 'GLACIER_TIMEOUT',
  ServiceUnavailableException: 'GLACIER_UNAVAILABLE',
  ServiceUnavailable: 'GLACIER_UNAVAILABLE',
  InternalFailure: 'GLACIER_UNAVAILABLE',
  InternalServerError: 'GLACIER_UNAVAILABLE',
  AccessDeniedException: 'GLACIER_CREDENTIALS',
  AccessDenied: 'GLACIER_CREDENTIALS',
  ExpiredTokenException: 'GLACIER_CREDENTIALS',
  ExpiredToken: 'GLACIER_CREDENTIALS',
  UnrecognizedClientException: 'GLACIER_CREDENTIALS',
  InvalidClientTokenId: 'GLACIER_CREDENTIALS',
  InvalidSignatureException: 'GLACIER_CREDENTIALS',
  SignatureDoesNotMatch: 'GLACIER_CREDENTIALS',
  IncompleteSignatureException: 'GLACIER_CREDENTIALS',
  MissingAuthenticationTokenException: 'GLACIER_CREDENTIALS',
  RequestExpired: 'GLACIER_CREDENTIALS',
  RequestTimeTooSkewed: 'GLACIER_CREDENTIALS',
  // Made by the SDK itself, before anything is sent.
  CredentialsProviderError: 'GLACIER_CREDENTIALS',
  TokenProviderError: 'GLACIER_CREDENTIALS',
  InvalidParameterValueException: 'GLACIER_REFUSED',
  MissingParameterValueException: 'GLACIER_REFUSED',
  LimitExceededException: 'GLACIER_REFUSED',
  PolicyEnforcedException: 'GLACIER_REFUSED',
  InsufficientCapacityException: 'GLACIER_REFUSED',
  NoLongerSupportedException: 'GLACIER_REFUSED',
  SerializationException: 'GLACIER_REFUSED',
  BadRequest: 'GLACIER_REFUSED',
}

/** Failures of a certificate: not transport noise, and nothing that time heals. */
const untrusted =
  /^(?:CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA)/

/** How a failed request ends up in the closed set of codes. `AppError`s pass through. */
export function classifyError(error: unknown, attempt: Attempt): AppError {
  if (error instanceof AppError) return error
  const { code, found } = explain(error, attempt)
  return new AppError(code, `${attempt.doing}: ${found}`, { cause: error })
}

interface Finding {
  readonly code: ErrorCode
  readonly found: string
}

function explain(error: unknown, attempt: Attempt): Finding {
  const facts = factsOf(error)
  if (facts.status === null) return explainLocal(facts)
  const answered = `Glacier answered ${facts.status} ${facts.name}`
  if (facts.name === 'ResourceNotFoundException') {
    return { code: missing(facts.message, attempt), found: withReason(answered, facts.message) }
  }
  if (attempt.isPart && isChecksumRefusal(facts)) {
    return { code: 'PART_CHECKSUM_MISMATCH', found: withReason(answered, facts.message) }
  }
  const code = isConflict(facts, attempt) ? 'GLACIER_UNAVAILABLE' : codeByName[facts.name]
  if (code === 'GLACIER_CREDENTIALS') return { code, found: credentials(answered, facts) }
  if (code) return { code, found: withReason(answered, facts.message) }
  return explainUnnamed(facts, answered)
}

interface Facts {
  readonly name: string
  readonly message: string
  /** A system or TLS error code, such as ECONNRESET; '' when there is none. */
  readonly code: string
  /** Of the answer; null when there was none. */
  readonly status: number | null
}

function factsOf(error: unknown): Facts {
  if (!(error instanceof Error)) return { name: '', message: '', code: '', status: null }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return { name: error.name, message: error.message, code, status: statusOf(error) }
}

function statusOf(error: Error): number | null {
  if (!('$metadata' in error)) return null
  const metadata: unknown = error.$metadata
  if (typeof metadata !== 'object' || metadata === null) return null
  const status = 'httpStatusCode' in metadata ? metadata.httpStatusCode : undefined
  return typeof status === 'number' ? status : null
}

/** No answer came: a fault of ours, of this machine or of the network in between. */
function explainLocal(facts: Facts): Finding {
  if (facts.name === 'Error' && facts.message === 'Region is missing') {
    return { code: 'GLACIER_CREDENTIALS', found: 'no region is configured; set AWS_REGION' }
  }
  if (codeByName[facts.name] === 'GLACIER_CREDENTIALS') {
    const found = 'no usable AWS credentials were found in the environment or the AWS configuration'
    return { code: 'GLACIER_CREDENTIALS', found }
  }
  if (untrusted.test(facts.code)) {
    const found = `the certificate of the Glacier endpoint is not trusted (${facts.code})`
    return { code: 'GLACIER_CREDENTIALS', found }
  }
  // A timer's error has no system code, and its text says what took too long.
  if (facts.name === 'TimeoutError' && facts.code === '') {
    return { code: 'GLACIER_TIMEOUT', found: facts.message }
  }
  if (facts.code === 'ETIMEDOUT') return { code: 'GLACIER_TIMEOUT', found: 'ETIMEDOUT' }
  if (facts.code.startsWith('ERR_INVALID_')) {
    return { code: 'GLACIER_REFUSED', found: `it cannot be sent (${facts.code})` }
  }
  return { code: 'GLACIER_UNAVAILABLE', found: `no answer (${facts.code || facts.name})` }
}

/** An answer that does not carry one of Glacier's error names: a proxy's page, or cut short. */
function explainUnnamed(facts: Facts, answered: string): Finding {
  const { status } = facts
  if (status === 429) return { code: 'GLACIER_THROTTLED', found: 'the endpoint answered 429' }
  if (status === 408) return { code: 'GLACIER_TIMEOUT', found: 'the endpoint answered 408' }
  const isNamed = /(?:Exception|Error)$/.test(facts.name) && facts.name !== 'SyntaxError'
  if (isNamed && (status === 401 || status === 403)) {
    return { code: 'GLACIER_CREDENTIALS', found: credentials(answered, facts) }
  }
  if (isNamed && status !== null && status >= 400 && status < 500) {
    return { code: 'GLACIER_REFUSED', found: withReason(answered, facts.message) }
  }
  const found = `the endpoint answered ${status} without a readable Glacier answer`
  return { code: 'GLACIER_UNAVAILABLE', found }
}

/**
 * Something else stands in the way for now. It says nothing of the parts or of the archive, which a
 * refusal would condemn. Without an upload nothing is at stake, and whoever asked is told.
 */
function isConflict({ name, status }: Facts, { uploadId }: Attempt): boolean {
  return status === 409 || (uploadId !== null && name === 'LimitExceededException')
}

/**
 * Both a missing vault and a missing upload are a 404 ResourceNotFoundException; the text tells
 * them apart. Its beginning does so first, since a vault's name may contain "upload"; then the
 * upload, because its message may mention the vault as well.
 */
function missing(message: string, { uploadId }: Attempt): ErrorCode {
  if (uploadId === null || /^vault not found/i.test(message)) return 'GLACIER_VAULT_NOT_FOUND'
  if (message.includes(uploadId) || /upload/i.test(message)) return 'GLACIER_UPLOAD_NOT_FOUND'
  return /vault/i.test(message) ? 'GLACIER_VAULT_NOT_FOUND' : 'GLACIER_UPLOAD_NOT_FOUND'
}

/** The tree hash is compared as a parameter (400), the linear one as a part of the signature (403). */
function isChecksumRefusal({ name, message }: Facts): boolean {
  if (name === 'InvalidParameterValueException') return /^Checksum mismatch/i.test(message)
  return name === 'InvalidSignatureException' && message.includes('x-amz-content-sha256')
}

/** Never quotes a refused signature: its text holds the canonical request, session token included. */
function credentials(answered: string, { name, message }: Facts): string {
  const isDated = name === 'RequestExpired' || name === 'RequestTimeTooSkewed'
  if (isDated || /^Signature (?:expired|not yet current)/.test(message)) {
    return `${answered}: this machine's clock differs from Glacier's by more than 5 minutes`
  }
  if (name === 'AccessDeniedException' || name === 'AccessDenied') {
    return `${answered}: the credentials do not allow it, or the vault's policy denies it`
  }
  return `${answered}: renew or correct the AWS credentials`
}

/** Glacier's own words, as data: one line, bounded. */
function withReason(answered: string, message: string): string {
  const line = message.split(/[\r\n]/, 1)[0]?.slice(0, 300) ?? ''
  return line === '' || line === 'UnknownError' ? answered : `${answered} "${line}"`
}
