const PARENT_CHECK_MS = 500

/** When a program of the stack is to end. */
export interface StopSignal extends Disposable {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP, or when the launcher is gone. */
  readonly signal: AbortSignal
}

/**
 * Turns signals into an AbortSignal; a second one calls `onImpatience`. The launcher (see
 * `infra/bootstrap/launch.mjs`) names itself in FIRN_LAUNCHER_PID: killed, it cannot pass
 * anything on, so its end counts as a signal too.
 */
export function listenForStop(env: NodeJS.ProcessEnv, onImpatience: () => void): StopSignal {
  const controller = new AbortController()
  const stop = (reason: string): void => {
    if (controller.signal.aborted) onImpatience()
    else controller.abort(new DOMException(reason, 'AbortError'))
  }
  const onSignal = (signal: NodeJS.Signals): void => stop(signal)
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)

  const launcher = Number(env.FIRN_LAUNCHER_PID ?? 0)
  const timer = setInterval(() => {
    if (launcher === 0 || process.ppid === launcher) return
    clearInterval(timer)
    stop('the launcher has ended')
  }, PARENT_CHECK_MS)
  timer.unref()
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearInterval(timer)
      for (const signal of signals) process.off(signal, onSignal)
    },
  }
}
