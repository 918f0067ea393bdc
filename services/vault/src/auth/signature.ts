import { createHmac, hash } from 'node:crypto'

/** What of a request is signed. Header names are in lower case, values as they were received. */
export interface SignedRequest {
  readonly method: string
  /** As sent, still percent-encoded, without the query. */
  readonly path: string
  /** As sent, without the question mark. */
  readonly query: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Names in the order of the `SignedHeaders` list. */
  readonly signedHeaders: readonly string[]
  /** Lower-case hex, or whatever stood in `x-amz-content-sha256`. */
  readonly payloadHash: string
}

export interface CredentialScope {
  /** `YYYYMMDD`. */
  readonly date: string
  readonly region: string
  readonly service: string
}

/** Percent-encoding as Signature Version 4 wants it: all but the unreserved of RFC 3986. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The canonical path: empty and dot segments removed, every segment encoded once more than sent. */
export function canonicalPath(path: string): string {
  const segments: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(encodeRfc3986(segment))
  }
  const tail = path.endsWith('/') && segments.length > 0 ? '/' : ''
  return `/${segments.join('/')}${tail}`
}

/** The same without the removal of dot segments: some signers leave the path as it is. */
export function canonicalRawPath(path: string): string {
  return path.split('/').map(encodeRfc3986).join('/')
}

/** @throws URIError when the query is not well percent-encoded. */
export function canonicalQuery(query: string): string {
  if (query === '') return ''
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair): [string, string] => {
      const at = pair.indexOf('=')
      const name = at === -1 ? pair : pair.slice(0, at)
      const value = at === -1 ? '' : pair.slice(at + 1)
      return [encodeRfc3986(decodeURIComponent(name)), encodeRfc3986(decodeURIComponent(value))]
    })
    .sort(([a, x], [b, y]) => compareText(a, b) || compareText(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

function canonicalHeaders(request: SignedRequest): string {
  return request.signedHeaders
    .map((name) => {
      const values = request.headers
        .filter(([candidate]) => candidate === name)
        .map(([, value]) => value.trim().replace(/ +/g, ' '))
      return `${name}:${values.join(',')}\n`
    })
    .join('')
}

export function canonicalRequest(
  request: SignedRequest,
  path: string = canonicalPath(request.path),
): string {
  return [
    request.method,
    path,
    canonicalQuery(request.query),
    canonicalHeaders(request),
    request.signedHeaders.join(';'),
    request.payloadHash,
  ].join('\n')
}

/** @param amzDate `YYYYMMDDTHHMMSSZ`. */
export function stringToSign(canonical: string, amzDate: string, scope: CredentialScope): string {
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`
  return `AWS4-HMAC-SHA256\n${amzDate}\n${scopeText}\n${hash('sha256', canonical)}`
}

function hmac(key: string | Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** The key of one day, region and service. */
export function signingKey(secretAccessKey: string, scope: CredentialScope): Buffer {
  const dateKey = hmac(`AWS4${secretAccessKey}`, scope.date)
  return hmac(hmac(hmac(dateKey, scope.region), scope.service), 'aws4_request')
}

/** The signature, 32 bytes. */
export function sign(key: Uint8Array, text: string): Buffer {
  return hmac(key, text)
}
