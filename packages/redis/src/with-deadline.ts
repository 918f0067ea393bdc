import { addAbortListener } from 'node:events'

/**
 * Waits for `work`, but no longer than `timeoutMs` or until `signal` aborts. The work itself goes
 * on: a command that was sent cannot be called back.
 */
export async function withDeadline<T>(
  work: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  using _listener = addAbortListener(signal, () => reject(signal.reason))
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}
