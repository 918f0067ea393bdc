import { invariant } from './invariant.ts'
import {
  ARCHIVE_SIZE_MAX_BYTES,
  PART_COUNT_MAX,
  PART_SIZE_MAX_BYTES,
  PART_SIZE_MIN_BYTES,
} from './limits.ts'

/** How an archive is cut. Every part has `partSizeBytes` except the last, which has the rest. */
export interface PartPlan {
  readonly sizeBytes: number
  readonly partSizeBytes: number
  readonly partCount: number
}

export type PlanResult =
  | { readonly ok: true; readonly plan: PartPlan }
  | { readonly ok: false; readonly reason: 'empty' | 'too-large' }
  | {
      readonly ok: false
      readonly reason: 'part-size-too-small'
      readonly partSizeMinBytes: number
    }

/** A half-open range of an archive's bytes: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A part size that Glacier accepts: a power of two MiB from 1 MiB to 4 GiB. */
export function isPartSize(bytes: number): boolean {
  if (!Number.isInteger(bytes) || bytes < PART_SIZE_MIN_BYTES || bytes > PART_SIZE_MAX_BYTES) {
    return false
  }
  // Not a bit trick: sizes reach 2^32, past what JavaScript's bit operations hold.
  return Number.isInteger(Math.log2(bytes))
}

/** The smallest part size, a power of two MiB, that fits `sizeBytes` into 10,000 parts. */
export function smallestPartSize(sizeBytes: number): number {
  let partSizeBytes = PART_SIZE_MIN_BYTES
  while (partSizeBytes * PART_COUNT_MAX < sizeBytes) partSizeBytes *= 2
  return partSizeBytes
}

/**
 * Cuts `sizeBytes` into parts of `partSizeBytes`.
 *
 * Part sizes are powers of two MiB because part tree hashes then sit on the archive's tree-hash
 * boundaries: the finalizer folds them without reading any data again.
 *
 * @param sizeBytes 0 or more, of whatever a file system says that a file has. 0 is refused: Glacier
 *   holds no empty archive.
 */
export function planParts(input: {
  readonly sizeBytes: number
  readonly partSizeBytes: number
}): PlanResult {
  const { sizeBytes, partSizeBytes } = input
  invariant(Number.isInteger(sizeBytes) && sizeBytes >= 0, `size ${sizeBytes}`)
  invariant(isPartSize(partSizeBytes), `part size ${partSizeBytes}`)
  if (sizeBytes === 0) return { ok: false, reason: 'empty' }
  if (sizeBytes > ARCHIVE_SIZE_MAX_BYTES) return { ok: false, reason: 'too-large' }
  const partSizeMinBytes = smallestPartSize(sizeBytes)
  if (partSizeBytes < partSizeMinBytes) {
    return { ok: false, reason: 'part-size-too-small', partSizeMinBytes }
  }
  const partCount = Math.ceil(sizeBytes / partSizeBytes)
  return { ok: true, plan: { sizeBytes, partSizeBytes, partCount } }
}

/**
 * The part size for a job that names none: `preferredBytes`, raised until the parts number at
 * most 10,000, or to the largest there is.
 */
export function choosePartSize(input: {
  readonly sizeBytes: number
  readonly preferredBytes: number
}): number {
  invariant(isPartSize(input.preferredBytes), `preferred part size ${input.preferredBytes}`)
  const wantedBytes = Math.max(input.preferredBytes, smallestPartSize(input.sizeBytes))
  return Math.min(wantedBytes, PART_SIZE_MAX_BYTES)
}

/** The bytes of part `index` (0-based). Never empty, never longer than the plan's part size. */
export function partRange(plan: PartPlan, index: number): ByteRange {
  invariant(Number.isInteger(index) && index >= 0 && index < plan.partCount, `part ${index}`)
  const start = index * plan.partSizeBytes
  return { start, end: Math.min(start + plan.partSizeBytes, plan.sizeBytes) }
}
