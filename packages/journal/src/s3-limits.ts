/** How long and how often a journal in a bucket tries; a promise is kept within `totalMs` or never. */
export interface S3Limits {
  readonly connectMs: number
  /** One request, from its first byte to the last of its answer. */
  readonly requestMs: number
  /** What one caller waits for, all its requests and the waits between them included. */
  readonly totalMs: number
  /** Requests for one purpose, the first included. */
  readonly tries: number
  /** The wait before another try: at most `baseMs`, doubling up to `capMs`. */
  readonly backoff: { readonly baseMs: number; readonly capMs: number }
  /** Connections open at once; a request that waits for one spends its time. */
  readonly maxSockets: number
  /** A bucket that took a write less than this ago counts as one that takes writes. */
  readonly pingFreshMs: number
  /** As before, but only while it is asked again. */
  readonly pingStaleMs: number
}

/** Records are small, and S3 answers within fractions of a second, or should be asked again. */
export const defaultLimits: S3Limits = {
  connectMs: 3000,
  requestMs: 8000,
  totalMs: 30_000,
  tries: 3,
  backoff: { baseMs: 100, capMs: 1000 },
  maxSockets: 64,
  pingFreshMs: 10_000,
  pingStaleMs: 30_000,
}
