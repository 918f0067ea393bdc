import { answerWithin } from './answer-within.ts'
import type { S3Limits } from './s3-limits.ts'

/**
 * Answers pings without a request for each. Probes come every few seconds and wait for half of one:
 * a request is worth remembering, and one that is slow must not be taken for one that failed.
 */
export function createReadiness(
  probe: (signal: AbortSignal) => Promise<void>,
  { pingFreshMs, pingStaleMs, totalMs }: S3Limits,
  now: () => number = () => performance.now(),
): (signal: AbortSignal) => Promise<void> {
  // Whoever makes this has just written.
  let succeededAtMs = now()
  let running: Promise<void> | undefined
  const ask = async (): Promise<void> => {
    try {
      await probe(AbortSignal.timeout(totalMs))
      succeededAtMs = now()
    } finally {
      running = undefined
    }
  }
  return async (signal) => {
    signal.throwIfAborted()
    const ageMs = now() - succeededAtMs
    if (ageMs < pingFreshMs) return
    // Nobody's signal ends it: it goes on for whoever asks next.
    running ??= ask()
    const outcome = answerWithin(running, { timeoutMs: totalMs, signal })
    if (ageMs < pingStaleMs) outcome.catch(() => undefined)
    else await outcome
  }
}
