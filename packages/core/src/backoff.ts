import { invariant } from './invariant.ts'

/**
 * Capped exponential back-off with full jitter: uniform between 0 and
 * `min(capMs, baseMs * 2^(attempt - 1))`, so that a herd of retries spreads out.
 *
 * @param attempt 1 for the wait before the second try.
 * @param random uniform in [0, 1).
 */
export function fullJitterMs(
  input: { readonly attempt: number; readonly baseMs: number; readonly capMs: number },
  random: number,
): number {
  invariant(input.attempt >= 1, `attempt ${input.attempt}`)
  const ceilingMs = Math.min(input.capMs, input.baseMs * 2 ** Math.min(input.attempt - 1, 52))
  return Math.floor(random * ceilingMs)
}
