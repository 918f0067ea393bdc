/** Counts what the vault was asked, for `GET /stats`. */
export interface RequestStats {
  /** Returns what to call, once, with how it ended. */
  readonly begin: () => (end: { readonly operation: string; readonly outcome: string }) => void
  readonly addReceivedBytes: (count: number) => void
  /** Returns what to call when the part has come or gone. */
  readonly beginPart: () => () => void
  readonly snapshot: () => object
}

export function createRequestStats(): RequestStats {
  const requests: Record<string, Record<string, number>> = {}
  let receivedBytes = 0
  let requestsInFlight = 0
  let partsInFlight = 0
  let partsInFlightPeak = 0
  return {
    begin() {
      requestsInFlight += 1
      return ({ operation, outcome }) => {
        requestsInFlight -= 1
        const outcomes = requests[operation] ?? {}
        requests[operation] = { ...outcomes, [outcome]: (outcomes[outcome] ?? 0) + 1 }
      }
    },
    addReceivedBytes(count) {
      receivedBytes += count
    },
    beginPart() {
      partsInFlight += 1
      partsInFlightPeak = Math.max(partsInFlightPeak, partsInFlight)
      return () => {
        partsInFlight -= 1
      }
    },
    snapshot: () => ({
      requests,
      receivedBytes,
      requestsInFlight,
      partsInFlight,
      partsInFlightPeak,
    }),
  }
}
