import type { JobState } from '@firn/core'

/** A number for every state. */
export function countStates(countOf: (state: JobState) => number): Record<JobState, number> {
  return {
    queued: countOf('queued'),
    uploading: countOf('uploading'),
    finalizing: countOf('finalizing'),
    reconciling: countOf('reconciling'),
    paused: countOf('paused'),
    archived: countOf('archived'),
    failed: countOf('failed'),
    cancelled: countOf('cancelled'),
  }
}
