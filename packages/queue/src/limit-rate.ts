/** Lets one call through per `intervalMs`, so that an outage is not thousands of log lines. */
export function limitRate<T>(
  report: (value: T) => void,
  intervalMs: number,
  now: () => number = () => performance.now(),
): (value: T) => void {
  let nextMs = Number.NEGATIVE_INFINITY
  return (value) => {
    if (now() < nextMs) return
    nextMs = now() + intervalMs
    report(value)
  }
}
