import { hash, timingSafeEqual } from 'node:crypto'
import { GlacierError } from '../glacier-error.ts'
import type { Credential } from './credentials.ts'
import {
  type CredentialScope,
  canonicalRawPath,
  canonicalRequest,
  type SignedRequest,
  sign,
  signingKey,
  stringToSign,
} from './signature.ts'

/** How far a client's clock may be off, either way. */
const CLOCK_SKEW_MAX_MS = 5 * 60_000
const CACHED_KEY_MAX = 100

export interface UnverifiedRequest {
  readonly method: string
  readonly path: string
  readonly query: string
  /** In the order received, names in lower case, bytes read as Latin-1. */
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export interface Authenticator {
  /**
   * Whose request this is. Throws the {@link GlacierError} that Glacier would answer with when it
   * is not signed, or not rightly.
   *
   * @param payloadHash lower-case hex of the body's SHA-256, or the text of `x-amz-content-sha256`.
   * @param receivedAtMs when the request's head arrived, by the machine's own clock: a slow body
   *   must not age its signature.
   */
  readonly authenticate: (
    request: UnverifiedRequest,
    payloadHash: string,
    receivedAtMs: number,
  ) => Credential
}

export function createAuthenticator(options: {
  readonly credentials: readonly Credential[]
  readonly region: string
}): Authenticator {
  const { region } = options
  const byAccessKeyId = new Map(options.credentials.map((one) => [one.accessKeyId, one]))
  const keyOf = createKeyCache()
  return {
    authenticate(request, payloadHash, receivedAtMs) {
      const claim = parseAuthorization(request)
      checkScope(claim.scope, region)
      const amzDate = requestDate(request)
      if (!amzDate.startsWith(claim.scope.date)) {
        throw invalidSignature(
          `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${claim.scope.date}' != '${amzDate.slice(0, 8)}', from '${amzDate}'.`,
        )
      }
      checkAge(amzDate, receivedAtMs)
      const credential = byAccessKeyId.get(claim.accessKeyId)
      if (credential === undefined) throw unrecognized()
      checkToken(credential, headerOf(request, 'x-amz-security-token'), receivedAtMs)
      const signed = { ...request, signedHeaders: claim.signedHeaders, payloadHash }
      const key = keyOf(credential, claim.scope)
      checkSignature(signed, { ...claim, amzDate, key })
      return credential
    },
  }
}

interface Claim {
  readonly accessKeyId: string
  readonly scope: CredentialScope
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

function invalidSignature(message: string): GlacierError {
  return new GlacierError('InvalidSignatureException', message)
}

function unrecognized(): GlacierError {
  return new GlacierError(
    'UnrecognizedClientException',
    'The security token included in the request is invalid.',
  )
}

/** Temporary credentials come with a token, and end. */
function checkToken(credential: Credential, token: string | undefined, nowMs: number): void {
  if (credential.sessionToken !== undefined && credential.sessionToken !== token) {
    throw unrecognized()
  }
  if (credential.expiresAt !== undefined && Date.parse(credential.expiresAt) <= nowMs) {
    throw new GlacierError(
      'ExpiredTokenException',
      'The security token included in the request is expired',
    )
  }
}

function headerOf(request: UnverifiedRequest, name: string): string | undefined {
  return request.headers.find(([candidate]) => candidate === name)?.[1]
}

function parseAuthorization(request: UnverifiedRequest): Claim {
  const header = headerOf(request, 'authorization')
  if (header === undefined) {
    if (/(?:^|&)X-Amz-Signature=/i.test(request.query)) {
      throw invalidSignature('Signatures in the query string are not supported.')
    }
    throw new GlacierError(
      'MissingAuthenticationTokenException',
      'Request is missing Authentication Token',
    )
  }
  const fields = /^AWS4-HMAC-SHA256\s+(.*)$/.exec(header)?.[1]
  if (fields === undefined) {
    throw invalidSignature('Only the signing algorithm AWS4-HMAC-SHA256 is supported.')
  }
  const field = (name: string): string => {
    const value = new RegExp(`(?:^|[,\\s])${name}=([^,\\s]+)`).exec(fields)?.[1]
    if (value !== undefined) return value
    throw invalidSignature(
      `Authorization header requires '${name}' parameter. Authorization=${header}`,
    )
  }
  const credential = field('Credential').split('/')
  const [terminator, service, region, date] = credential.slice(-4).reverse()
  const accessKeyId = credential.slice(0, -4).join('/')
  if (!accessKeyId || !date || !region || !service || terminator !== 'aws4_request') {
    throw invalidSignature(
      'Credential should be of the form <access key>/<date>/<region>/glacier/aws4_request.',
    )
  }
  const signedHeaders = field('SignedHeaders').split(';')
  if (!signedHeaders.includes('host')) {
    throw invalidSignature(`'Host' must be a 'SignedHeader' in the AWS Authorization.`)
  }
  return {
    accessKeyId,
    scope: { date, region, service },
    signedHeaders,
    signature: field('Signature'),
  }
}

function checkScope(scope: CredentialScope, region: string): void {
  if (scope.region !== region) {
    throw invalidSignature(`Credential should be scoped to a valid region, not '${scope.region}'.`)
  }
  if (scope.service !== 'glacier') {
    throw invalidSignature(`Credential should be scoped to correct service: 'glacier'.`)
  }
}

/** `x-amz-date`, or a `Date` header of the same form. */
function requestDate(request: UnverifiedRequest): string {
  const text = headerOf(request, 'x-amz-date') ?? headerOf(request, 'date')
  if (text !== undefined && /^\d{8}T\d{6}Z$/.test(text)) return text
  throw invalidSignature(
    `Date must be in ISO-8601 'basic format'. Got '${text ?? ''}'. See http://en.wikipedia.org/wiki/ISO_8601`,
  )
}

function checkAge(amzDate: string, receivedAtMs: number): void {
  const iso = amzDate.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')
  const signedAtMs = Date.parse(iso)
  const now = basicDate(receivedAtMs)
  if (!(signedAtMs >= receivedAtMs - CLOCK_SKEW_MAX_MS)) {
    const limit = basicDate(receivedAtMs - CLOCK_SKEW_MAX_MS)
    throw invalidSignature(
      `Signature expired: ${amzDate} is now earlier than ${limit} (${now} - 5 min.)`,
    )
  }
  if (signedAtMs > receivedAtMs + CLOCK_SKEW_MAX_MS) {
    const limit = basicDate(receivedAtMs + CLOCK_SKEW_MAX_MS)
    throw invalidSignature(
      `Signature not yet current: ${amzDate} is still later than ${limit} (${now} + 5 min.)`,
    )
  }
}

function basicDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '')
}

function checkSignature(
  request: SignedRequest,
  claim: Claim & { readonly amzDate: string; readonly key: Uint8Array },
): void {
  const isSignedAs = (canonical: string): boolean => {
    const expected = sign(claim.key, stringToSign(canonical, claim.amzDate, claim.scope))
    const given = Buffer.from(claim.signature, 'hex')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
  const canonical = canonicalRequest(request)
  if (isSignedAs(canonical)) return
  if (isSignedAs(canonicalRequest(request, canonicalRawPath(request.path)))) return
  throw invalidSignature(
    'The request signature we calculated does not match the signature you provided. ' +
      'Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n' +
      `The Canonical String for this request should have been\n'${canonical}'\n\n` +
      `The String-to-Sign should have been\n'${stringToSign(canonical, claim.amzDate, claim.scope)}'\n`,
  )
}

/** One key serves a whole day; deriving it costs four times as much as using it. */
function createKeyCache(): (credential: Credential, scope: CredentialScope) => Uint8Array {
  const keys = new Map<string, Uint8Array>()
  return (credential, scope) => {
    const name = hash('sha256', `${credential.accessKeyId}/${scope.date}`)
    const known = keys.get(name)
    if (known !== undefined) return known
    if (keys.size >= CACHED_KEY_MAX) keys.clear()
    const key = signingKey(credential.secretAccessKey, scope)
    keys.set(name, key)
    return key
  }
}
