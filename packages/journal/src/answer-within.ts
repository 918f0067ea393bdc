import { addAbortListener } from 'node:events'

/**
 * Waits for `work`, at most `timeoutMs` and until `signal` aborts (then rejects with its reason).
 * The work itself goes on, since nothing takes back a call to the file system; how it ends then is
 * ignored.
 */
export async function answerWithin<T>(
  work: Promise<T>,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal | null },
): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const late = (): void => {
    const error = new Error(`no answer within ${timeoutMs} ms`)
    reject(Object.assign(error, { name: 'TimeoutError' }))
  }
  const timer = setTimeout(late, timeoutMs)
  using _listener = signal && addAbortListener(signal, () => reject(signal.reason))
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}
