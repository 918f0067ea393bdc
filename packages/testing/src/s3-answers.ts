import type { ServerResponse } from 'node:http'

/** An error as S3 says it: a status, and an XML document with a code. */
export class S3Error extends Error {
  override readonly name = 'S3Error'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message = code) {
    super(message)
    this.status = status
    this.code = code
  }
}

export interface S3Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export function sendAnswer(res: ServerResponse, { status, headers, body = '' }: S3Answer): void {
  const type = typeof body === 'string' && body !== '' ? { 'content-type': 'application/xml' } : {}
  res.writeHead(status, {
    'x-amz-request-id': 'STANDIN',
    'content-length': Buffer.byteLength(body),
    ...type,
    ...headers,
  })
  res.end(body)
}

export function errorAnswer({ status, code, message }: S3Error, resource: string): S3Answer {
  const fields = { Code: code, Message: message, Resource: resource, RequestId: 'STANDIN' }
  return { status, body: xml('Error', Object.entries(fields).map(tag).join('')) }
}

export interface ListPage {
  readonly bucket: string
  readonly prefix: string
  readonly maxKeys: number
  readonly keys: readonly { readonly key: string; readonly sizeBytes: number }[]
  readonly folders: readonly string[]
  readonly nextToken: string | null
}

export function listAnswer(page: ListPage): S3Answer {
  const { bucket, prefix, maxKeys, keys, folders, nextToken } = page
  const facts = {
    Name: bucket,
    Prefix: prefix,
    KeyCount: String(keys.length + folders.length),
    MaxKeys: String(maxKeys),
    IsTruncated: String(nextToken !== null),
    ...(nextToken !== null && { NextContinuationToken: nextToken }),
  }
  const contents = keys.map(({ key, sizeBytes }) => {
    const object = { Key: key, LastModified: '2026-01-01T00:00:00.000Z', Size: String(sizeBytes) }
    return `<Contents>${Object.entries(object).map(tag).join('')}</Contents>`
  })
  const prefixes = folders.map((one) => `<CommonPrefixes>${tag(['Prefix', one])}</CommonPrefixes>`)
  const inner = [...Object.entries(facts).map(tag), ...contents, ...prefixes].join('')
  return { status: 200, body: xml('ListBucketResult', inner) }
}

function xml(root: string, inner: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${inner}</${root}>`
}

function tag([name, text]: readonly [string, string]): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<${name}>${escaped}</${name}>`
}
