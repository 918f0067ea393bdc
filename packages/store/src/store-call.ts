import { addAbortListener } from 'node:events'
import { AppError } from '@firn/core'

/**
 * Runs one call to the store: rejects with the signal's reason when aborted, and with
 * `STORE_UNAVAILABLE` for whatever Redis or the connection says. The command that was sent goes
 * on, so the outcome of either is unknown.
 */
export async function storeCall<T>(
  doing: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  using _listener = addAbortListener(signal, () => reject(signal.reason))
  try {
    return await Promise.race([work(), aborted])
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    if (cause instanceof AppError) throw cause
    throw new AppError('STORE_UNAVAILABLE', `Cannot ${doing}`, { cause })
  }
}
