/**
 * The time by which things are dated and expire. It may be moved forward, so that a test need not
 * wait a day; signatures are checked against the machine's own clock instead.
 */
export interface Clock {
  /** Unix time. */
  readonly nowMs: () => number
  /** Moves the time forward for good, by 0 ms or more. */
  readonly advance: (byMs: number) => void
}

export function createClock(machineNowMs: () => number = Date.now): Clock {
  let aheadMs = 0
  return {
    nowMs: () => machineNowMs() + aheadMs,
    advance(byMs) {
      aheadMs += byMs
    },
  }
}
