import { invalidParameter } from '../glacier-error.ts'
import type { InclusiveRange } from '../tree-hash-range.ts'

/** `Range: bytes=<first>-<last>` of the job's output; an end past the last byte means the last. */
export function outputRange(header: string | undefined, sizeBytes: number): InclusiveRange {
  if (header === undefined) return { first: 0, last: sizeBytes - 1 }
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header.trim())
  const first = Number(match?.[1])
  const last = match?.[2] ? Math.min(Number(match[2]), sizeBytes - 1) : sizeBytes - 1
  if (match === null || first > last) throw invalidParameter(`Invalid Range: ${header}`)
  return { first, last }
}

/** The status and headers of an output, whole or in part. */
export function outputHead(input: {
  readonly header: string | undefined
  readonly range: InclusiveRange
  readonly sizeBytes: number
  readonly contentType: string
}): { readonly status: number; readonly headers: Readonly<Record<string, string>> } {
  const { header, range, sizeBytes, contentType } = input
  const headers = {
    'content-type': contentType,
    'content-length': String(range.last - range.first + 1),
    'accept-ranges': 'bytes',
  }
  if (header === undefined) return { status: 200, headers }
  const contentRange = `bytes ${range.first}-${range.last}/${sizeBytes}`
  return { status: 206, headers: { ...headers, 'content-range': contentRange } }
}
