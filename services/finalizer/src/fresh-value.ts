/** A finding that is told only while it is fresh. */
export interface FreshValue<T> {
  readonly set: (value: T) => void
  /** Null before the first, and once the latest is older than it may be. */
  readonly get: () => T | null
}

/**
 * Keeps the latest finding of something that repeats. When it stops to succeed, for instance
 * because this process alone has lost Redis, its old numbers must not hide what others find: they
 * would be the largest for ever.
 *
 * @param now monotonic, in milliseconds.
 */
export function createFreshValue<T>(maxAgeMs: number, now: () => number): FreshValue<T> {
  let latest: { readonly value: T; readonly atMs: number } | null = null
  return {
    set(value) {
      latest = { value, atMs: now() }
    },
    get: () => (latest === null || now() - latest.atMs > maxAgeMs ? null : latest.value),
  }
}
