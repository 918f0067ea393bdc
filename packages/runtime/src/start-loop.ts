import { setTimeout as delay } from 'node:timers/promises'

/**
 * Runs `run` again and again, `intervalMs` after each end, until disposed: never two at once, and
 * disposal waits for the one under way, whose signal it aborts. A run that throws is reported and
 * the next one comes all the same.
 */
export function startLoop(options: {
  readonly intervalMs: number
  /** Before the first run; as `intervalMs` unless told otherwise. */
  readonly firstMs?: number
  readonly run: (signal: AbortSignal) => Promise<void>
  readonly onError: (error: unknown) => void
}): AsyncDisposable {
  const stop = new AbortController()
  const { signal } = stop

  async function loop(): Promise<void> {
    let waitMs = options.firstMs ?? options.intervalMs
    while (!signal.aborted) {
      try {
        await delay(waitMs, undefined, { signal })
        waitMs = options.intervalMs
        await options.run(signal)
      } catch (error) {
        if (!signal.aborted) options.onError(error)
      }
    }
  }

  const ended = loop()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await ended
    },
  }
}
