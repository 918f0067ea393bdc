import { startLoop } from './start-loop.ts'

export interface WatchedValue<T> extends AsyncDisposable {
  /** As it was read last. */
  readonly current: () => T
}

/**
 * Keeps a value that others change at hand: reads it at once, then `intervalMs` after each read. A
 * read that fails is reported, and the value stays what it was.
 */
export function watchValue<T>(options: {
  /** Until the first read succeeds. */
  readonly initial: T
  readonly read: (signal: AbortSignal) => Promise<T>
  readonly intervalMs: number
  /** After each read, changed or not. */
  readonly onRead?: (value: T) => void
  readonly onError: (error: unknown) => void
}): WatchedValue<T> {
  let value = options.initial
  const read = async (signal: AbortSignal): Promise<void> => {
    value = await options.read(signal)
    options.onRead?.(value)
  }
  const stop = new AbortController()
  const first = read(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) options.onError(error)
  })
  const loop = startLoop({ intervalMs: options.intervalMs, run: read, onError: options.onError })
  return {
    current: () => value,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await Promise.all([first, loop[Symbol.asyncDispose]()])
    },
  }
}
