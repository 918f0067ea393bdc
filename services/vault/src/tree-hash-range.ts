import { MIB } from '@firn/core'

/** Bytes, both ends included, as Glacier writes ranges. */
export interface InclusiveRange {
  readonly first: number
  readonly last: number
}

/** Parses `<first>-<last>`; undefined when it is not that, or ends before it begins. */
export function parseInclusiveRange(text: string): InclusiveRange | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text)
  if (match === null) return undefined
  const range = { first: Number(match[1]), last: Number(match[2]) }
  return range.first <= range.last ? range : undefined
}

export function formatInclusiveRange(range: InclusiveRange): string {
  return `${range.first}-${range.last}`
}

/** Starts at a multiple of 1 MiB, and ends at one or at the end of the archive. */
export function isMegabyteAligned(range: InclusiveRange, sizeBytes: number): boolean {
  const end = range.last + 1
  return range.first % MIB === 0 && (end % MIB === 0 || end === sizeBytes)
}

/**
 * Whether a range is the bytes below one node of the archive's tree hash: from leaf p to leaf q,
 * where for some level L, p is a multiple of 2^L and q is p + 2^L or the end of the archive.
 */
export function isTreeHashAligned(range: InclusiveRange, sizeBytes: number): boolean {
  if (!isMegabyteAligned(range, sizeBytes)) return false
  const leafCount = Math.ceil(sizeBytes / MIB)
  const p = range.first / MIB
  const q = Math.ceil((range.last + 1) / MIB)
  for (let width = 1; p % width === 0; width *= 2) {
    if (q === Math.min(p + width, leafCount)) return true
    if (width >= leafCount) return false
  }
  return false
}
