import { randomBytes } from 'node:crypto'
import { errorAnswer, listAnswer, type S3Answer, S3Error } from './s3-answers.ts'
import { checksumOf, type S3Request } from './s3-request.ts'

export interface S3Object {
  readonly body: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly hasChecksum: boolean
}

export interface S3Rules {
  readonly bucket: string
  readonly region: string
  /** Names of a page of a list, at most. */
  readonly pageMax: number
  /** Overwrites whatever If-None-Match says, as many servers do. */
  readonly ignoresConditions: boolean
}

/** Carries a request out. Throws {@link S3Error} where S3 would. */
export function carryOut(
  objects: Map<string, S3Object>,
  { bucket, region, pageMax, ignoresConditions }: S3Rules,
  request: S3Request,
): S3Answer {
  if (request.region !== region) return elsewhere(region)
  if (request.bucket !== bucket) {
    throw new S3Error(404, 'NoSuchBucket', 'The specified bucket does not exist')
  }
  const { key, headers, body } = request
  switch (request.operation) {
    case 'PUT': {
      if (headers['if-none-match'] !== undefined && !ignoresConditions && objects.has(key)) {
        throw new S3Error(412, 'PreconditionFailed', 'A pre-condition did not hold')
      }
      const hasChecksum = headers['x-amz-checksum-crc32'] !== undefined
      objects.set(key, { body, metadata: metadataOf(headers), hasChecksum })
      return { status: 200, headers: { etag: newTag() } }
    }
    case 'GET': {
      const object = objects.get(key)
      if (object === undefined) throw new S3Error(404, 'NoSuchKey', 'The key does not exist')
      return { status: 200, headers: headersOf(object, request), body: object.body }
    }
    case 'DELETE':
      objects.delete(key)
      return { status: 204 }
    case 'LIST':
      return list(objects, request.query, { bucket, pageMax })
  }
}

function elsewhere(region: string): S3Answer {
  const error = new S3Error(301, 'PermanentRedirect', 'The bucket is in another region')
  return { ...errorAnswer(error, ''), headers: { 'x-amz-bucket-region': region } }
}

/** Never that of the bytes, as under encryption: nobody may go by it. */
function newTag(): string {
  return `"${randomBytes(16).toString('hex')}"`
}

function metadataOf(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('x-amz-meta-')),
  )
}

function headersOf(
  { body, metadata, hasChecksum }: S3Object,
  { headers }: S3Request,
): Readonly<Record<string, string>> {
  const isAsked = headers['x-amz-checksum-mode'] === 'ENABLED'
  return {
    'content-type': 'application/json',
    etag: newTag(),
    ...metadata,
    ...(isAsked && hasChecksum && { 'x-amz-checksum-crc32': checksumOf(body) }),
  }
}

function list(
  objects: ReadonlyMap<string, S3Object>,
  query: URLSearchParams,
  { bucket, pageMax }: Pick<S3Rules, 'bucket' | 'pageMax'>,
): S3Answer {
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const maxKeys = Math.min(pageMax, Number(query.get('max-keys') ?? 1000))
  const after = readToken(query.get('continuation-token'))
  const names = [...objects.keys()].filter((key) => key.startsWith(prefix))
  const rolled = new Set(names.map((key) => rollUp(key, prefix, delimiter)))
  const rest = [...rolled].filter((name) => name > after).sort()
  const page = rest.slice(0, maxKeys)
  const isFolder = (name: string) => delimiter !== '' && name.endsWith(delimiter)
  return listAnswer({
    ...{ bucket, prefix, maxKeys },
    keys: page
      .filter((name) => !isFolder(name))
      .map((key) => ({ key, sizeBytes: objects.get(key)?.body.length ?? 0 })),
    folders: page.filter(isFolder),
    nextToken: rest.length > page.length ? newToken(page.at(-1) ?? '') : null,
  })
}

/** The key itself, or the folder that stands for it and all that lies beside it. */
function rollUp(key: string, prefix: string, delimiter: string): string {
  const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
  return end === -1 ? key : key.slice(0, end + delimiter.length)
}

function newToken(name: string): string {
  return Buffer.from(`token:${name}`).toString('base64')
}

function readToken(token: string | null): string {
  if (token === null) return ''
  const text = Buffer.from(token, 'base64').toString()
  if (!text.startsWith('token:')) throw new S3Error(400, 'InvalidArgument', 'No such token')
  return text.slice('token:'.length)
}
