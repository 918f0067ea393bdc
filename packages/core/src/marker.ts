import { type JobId, parseJobId } from './ids.ts'
import { invariant } from './invariant.ts'
import { DESCRIPTION_MAX_BYTES, USER_DESCRIPTION_MAX_BYTES } from './limits.ts'

/** A user's description may not begin with this: it would pass for one of ours. */
export const MARKER_PREFIX = 'firn1 '

/** Which try of which job an upload or an archive belongs to. */
export interface Marker {
  readonly jobId: JobId
  readonly generation: number
}

/** Printable ASCII, as Glacier allows it: 0x20 to 0x7E. */
export function isPrintableAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

/**
 * The description Glacier stores: the marker, so that uploads and archives are matched to jobs
 * without Redis, then the user's text of at most 960 bytes.
 */
export function markedDescription(marker: Marker, text: string): string {
  invariant(isPrintableAscii(text), 'description is not printable ASCII')
  invariant(text.length <= USER_DESCRIPTION_MAX_BYTES, `description of ${text.length} bytes`)
  const head = `${MARKER_PREFIX}j=${marker.jobId} g=${marker.generation}`
  const description = text === '' ? head : `${head} ${text}`
  invariant(description.length <= DESCRIPTION_MAX_BYTES, 'marker leaves no room')
  return description
}

/** The marker at the front of a description, or undefined when it is not one of ours. */
export function parseMarker(description: string | null | undefined): Marker | undefined {
  const match = /^firn1 j=([0-9a-f-]{36}) g=([1-9][0-9]{0,8})(?: |$)/.exec(description ?? '')
  const jobId = match?.[1] === undefined ? undefined : parseJobId(match[1])
  return jobId === undefined ? undefined : { jobId, generation: Number(match?.[2]) }
}
