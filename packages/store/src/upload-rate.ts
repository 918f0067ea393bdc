/** How many bytes had been recorded in all at a moment. */
export interface RateSample {
  readonly atMs: number
  readonly totalBytes: number
}

const RESOLUTION_MS = 1000
const SPAN_MS = 10_000

/**
 * Adds a record of `bytes` to the samples of one upload: about one a second over ten seconds, so
 * at most thirteen, and never fewer than two once there are two, or slow uploads would show no rate.
 * A clock that is behind counts as no time passed.
 */
export function addSample(
  samples: readonly RateSample[],
  atMs: number,
  bytes: number,
): readonly RateSample[] {
  const last = samples.at(-1)
  const sample = {
    atMs: Math.max(atMs, last?.atMs ?? 0),
    totalBytes: (last?.totalBytes ?? 0) + bytes,
  }
  const before = samples.at(-2)
  const isSoon = before !== undefined && sample.atMs - before.atMs < RESOLUTION_MS
  const added = [...(isSoon ? samples.slice(0, -1) : samples), sample]
  const oldestMs = sample.atMs - SPAN_MS
  return added.filter(({ atMs }, index) => atMs >= oldestMs || index >= added.length - 2)
}

/** Bytes a second between the first and the last sample; null before time has passed. */
export function bytesPerSecond(samples: readonly RateSample[]): number | null {
  const first = samples.at(0)
  const last = samples.at(-1)
  if (first === undefined || last === undefined || last.atMs === first.atMs) return null
  const bytes = last.totalBytes - first.totalBytes
  return Math.round((bytes * 1000) / (last.atMs - first.atMs))
}

/** Reads the form in which Redis keeps samples, `<atMs>:<totalBytes>,…`. */
export function parseSamples(text: string): readonly RateSample[] {
  return Array.from(text.matchAll(/(\d+):(\d+)/g), ([, atMs, totalBytes]) => ({
    atMs: Number(atMs),
    totalBytes: Number(totalBytes),
  }))
}
