import { setTimeout as delay } from 'node:timers/promises'
import { fullJitterMs } from '@firn/core'
import { answerWithin } from './answer-within.ts'
import { isPassing } from './s3-errors.ts'
import type { S3Limits } from './s3-limits.ts'

/**
 * Gives `run` a signal that aborts when the caller's does or the time is up, and does not wait for
 * it any longer then, whether it heeds the signal or not.
 */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  run: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  return await answerWithin(run(deadline), { timeoutMs, signal })
}

/**
 * Runs something again while it fails in a way that may pass, and may be run twice without harm.
 * The one layer that repeats requests to a bucket: the SDK's own is off, since it would take the
 * refusal that the first try of a conditional put causes for the second for somebody else's.
 */
export async function tryAgain<T>(
  { tries, backoff }: Pick<S3Limits, 'tries' | 'backoff'>,
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      if (signal.aborted || attempt >= tries || !isPassing(error)) throw error
    }
    await delay(fullJitterMs({ attempt, ...backoff }, Math.random()), undefined, { signal })
  }
}
