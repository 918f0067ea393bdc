import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import { S3Error } from './s3-answers.ts'

/** One request, read and found to be whole. */
export interface S3Request {
  readonly operation: 'PUT' | 'GET' | 'DELETE' | 'LIST'
  readonly bucket: string
  /** '' for a LIST. */
  readonly key: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** That it was signed for. */
  readonly region: string
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$/
/** What has to be signed, or somebody on the way could change it. */
const SIGNED = /^(?:host|if-none-match|x-amz-(?!id-2|request-id).*)$/
const KNOWN_HEADER =
  /^x-amz-(?:date|content-sha256|security-token|user-agent|meta-[a-z0-9-]+|sdk-checksum-algorithm|checksum-(?:crc32|mode))$/
const KNOWN_QUERY = /^(?:x-id|list-type|prefix|delimiter|max-keys|continuation-token)$/
const KEY_MAX_BYTES = 1024
const NO_SUCH_FEATURE = 'A header or parameter that you provided is not implemented here'

/** Reads a request as strictly as S3 does, or more so. Throws {@link S3Error}. */
export async function readRequest(req: IncomingMessage): Promise<S3Request> {
  const body = await buffer(req)
  const headers = plainHeaders(req)
  const url = new URL(req.url ?? '/', 'http://stand-in')
  const [bucket = '', ...rest] = url.pathname.slice(1).split('/').map(decodeURIComponent)
  const key = rest.join('/')
  const region = checkSignature(headers, body)
  const strange = [
    ...Object.keys(headers).filter((name) => /^x-amz-/.test(name) && !KNOWN_HEADER.test(name)),
    ...[...url.searchParams.keys()].filter((name) => !KNOWN_QUERY.test(name)),
  ]
  if (strange.length > 0) throw new S3Error(501, 'NotImplemented', `${NO_SUCH_FEATURE}: ${strange}`)
  if (Buffer.byteLength(key) > KEY_MAX_BYTES) throw new S3Error(400, 'KeyTooLongError')
  const operation = operationOf(req.method ?? '', key, url.searchParams)
  if (operation === 'PUT') checkBody(headers, body)
  return { operation, bucket, key, query: url.searchParams, headers, body, region }
}

function operationOf(method: string, key: string, query: URLSearchParams): S3Request['operation'] {
  if (method === 'GET' && key === '' && query.get('list-type') === '2') return 'LIST'
  if (key !== '' && (method === 'PUT' || method === 'GET' || method === 'DELETE')) return method
  throw new S3Error(405, 'MethodNotAllowed', `${method} is not allowed against this resource`)
}

/**
 * That there is a signature over what matters; whether it is right, Amazon's client knows best.
 * Returns the region that it is for.
 */
function checkSignature(headers: Readonly<Record<string, string>>, body: Buffer): string {
  const [, region, signed] = AUTHORIZATION.exec(headers.authorization ?? '') ?? []
  if (region === undefined || signed === undefined)
    throw new S3Error(403, 'AccessDenied', 'Access Denied')
  const names = new Set(signed.split(';'))
  const unsigned = Object.keys(headers).filter((name) => SIGNED.test(name) && !names.has(name))
  if (unsigned.length > 0) throw new S3Error(403, 'AccessDenied', `Not signed: ${unsigned}`)
  const sha256 = createHash('sha256').update(body).digest('hex')
  if (headers['x-amz-content-sha256'] !== sha256) {
    throw new S3Error(400, 'XAmzContentSHA256Mismatch', 'The body is not what was signed')
  }
  return region
}

function checkBody(headers: Readonly<Record<string, string>>, body: Buffer): void {
  if (headers['content-length'] === undefined) throw new S3Error(411, 'MissingContentLength')
  const wanted = headers['x-amz-checksum-crc32']
  if (wanted !== undefined && wanted !== checksumOf(body)) throw new S3Error(400, 'BadDigest')
  if (![undefined, '*'].includes(headers['if-none-match'])) {
    throw new S3Error(501, 'NotImplemented', NO_SUCH_FEATURE)
  }
}

/** CRC-32, big-endian, as base64. */
export function checksumOf(body: Buffer): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64')
}

function plainHeaders(req: IncomingMessage): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
  )
}
