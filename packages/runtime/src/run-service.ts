import { once } from 'node:events'
import { z } from 'zod'
import { createLogger, type Logger, logLevels } from './logger.ts'
import { ConfigError, parseEnv } from './parse-env.ts'

/** Kubernetes sends SIGKILL 30 s after SIGTERM by default; the drain must be over before. */
const DRAIN_MAX_MS = 25_000

export interface ServiceContext {
  readonly log: Logger
  /** Aborts on SIGTERM or SIGINT. Pass it to everything that waits. */
  readonly signal: AbortSignal
}

const LogEnv = z.object({
  LOG_LEVEL: z
    .enum(logLevels)
    .default('info')
    .describe(`${logLevels.join(', ')}; default info`),
})

/**
 * Runs one service process from start to exit. `start` resolves once the service is ready;
 * disposing its result must drain what is in flight. The event loop then empties by itself and the
 * process exits with 0; if it does not within `drainMaxMs` of the first signal, with 1. Further
 * signals change nothing: a drain is not cut short. A failed start, a failed drain and anything
 * thrown where nobody catches it are logged as fatal and exit with 1.
 *
 * Resolves when the service has drained. Meant to be the one statement of a `main.ts`.
 */
export async function runService(
  options: {
    readonly name: string
    readonly env: NodeJS.ProcessEnv
    readonly drainMaxMs?: number
  },
  start: (context: ServiceContext) => Promise<AsyncDisposable>,
): Promise<void> {
  const log = openLog(options)
  if (log === undefined) return
  dieOnBugs(log)
  const signal = listenForStop(log, options.drainMaxMs ?? DRAIN_MAX_MS)
  try {
    await using _service = await start({ log, signal })
    log.info('ready')
    if (!signal.aborted) await once(signal, 'abort')
  } catch (error) {
    if (signal.aborted && isAbort(error, signal)) {
      log.info('stopped before it was ready')
      return
    }
    logFailure(log, error)
    process.exitCode = 1
    return
  }
  log.info('stopped')
}

function openLog(options: {
  readonly name: string
  readonly env: NodeJS.ProcessEnv
}): Logger | undefined {
  const base = { name: options.name, isTerminal: process.stdout.isTTY === true }
  try {
    return createLogger({ ...base, level: parseEnv(LogEnv, options.env).LOG_LEVEL })
  } catch (error) {
    logFailure(createLogger({ ...base, level: 'info' }), error)
    process.exitCode = 1
    return undefined
  }
}

function logFailure(log: Logger, error: unknown): void {
  if (error instanceof ConfigError) {
    log.fatal({ problems: error.problems }, 'the configuration is not valid')
  } else {
    log.fatal({ err: error }, 'service failed')
  }
}

/** The process's state after a bug is unknown, and a crash is something Firn recovers from. */
function dieOnBugs(log: Logger): void {
  process.on('uncaughtException', (error, origin) => {
    log.fatal({ err: error, origin }, 'died of an error that nothing caught')
    process.exit(1)
  })
}

function listenForStop(log: Logger, drainMaxMs: number): AbortSignal {
  const stop = new AbortController()
  const onSignal = (signalName: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.info({ signal: signalName }, 'already stopping')
      return
    }
    log.info({ signal: signalName, drainMaxMs }, 'stopping')
    // Unref'd: it must not itself be what keeps the process from leaving.
    setTimeout(() => {
      log.fatal({ drainMaxMs, holding: process.getActiveResourcesInfo() }, 'drain took too long')
      process.exit(1)
    }, drainMaxMs).unref()
    stop.abort(new DOMException(`Stopping after ${signalName}`, 'AbortError'))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return stop.signal
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause === signal.reason || cause.name === 'AbortError') return true
  }
  return false
}
