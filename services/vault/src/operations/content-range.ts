import { PART_COUNT_MAX } from '@firn/core'
import { invalidParameter } from '../glacier-error.ts'

/** Where a part lies in its archive. */
export interface PartRange {
  /** 0-based. */
  readonly index: number
  readonly sizeBytes: number
}

/**
 * Reads `Content-Range: bytes <first>-<last>/*` and holds it against the upload's part size. A part
 * shorter than that is taken anywhere: only Complete knows which one is the last. A total in place
 * of the asterisk is ignored.
 */
export function parsePartRange(
  text: string,
  input: { readonly partSizeBytes: number; readonly contentLength: number | undefined },
): PartRange {
  const { partSizeBytes, contentLength } = input
  const match = /^bytes[ ]+(\d{1,15})-(\d{1,15})\/(?:\*|\d{1,15})$/.exec(text.trim())
  const first = Number(match?.[1])
  const last = Number(match?.[2])
  if (match === null || last < first) throw invalidParameter(`Invalid Content-Range: ${text}`)
  const sizeBytes = last - first + 1
  if (contentLength !== undefined && sizeBytes !== contentLength) {
    throw invalidParameter(
      `Content-Range: ${text} is incompatible with Content-Length: ${contentLength}`,
    )
  }
  if (first % partSizeBytes !== 0) {
    throw invalidParameter(
      `Invalid Content-Range: ${text}. The range does not start at a multiple of the part size ${partSizeBytes}`,
    )
  }
  if (sizeBytes > partSizeBytes) {
    throw invalidParameter(
      `Invalid Content-Range: ${text}. The range is longer than the part size ${partSizeBytes}`,
    )
  }
  const index = first / partSizeBytes
  if (index >= PART_COUNT_MAX) {
    throw invalidParameter(
      `This is part number ${index + 1} for the current multipart upload. It exceeds the limit of ${PART_COUNT_MAX} parts.`,
    )
  }
  return { index, sizeBytes }
}
