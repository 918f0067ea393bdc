import { once } from 'node:events'
import { z } from 'zod'
import { createLogger, type Logger, logLevels } from './logger.ts'
import { ConfigError, parseEnv } from './parse-env.ts'

/** Kubernetes sends SIGKILL 30 s after SIGTERM by default; the drain must be over before. */
const DRAIN_MAX_MS = 25_000
/** For what is closing when the drain is over. */
const LINGER_MS = 1000

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
 * disposing its result must drain what is in flight. The process exits with 0 soon after, also if
 * something still holds its event loop, such as a connection to a peer that says nothing; if the
 * drain is not over within `drainMaxMs` of the first signal, with 1. Further signals change nothing:
 * a drain is not cut short. A failed start, a failed drain and anything
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
  const backstop = openBackstop(log, options.drainMaxMs ?? DRAIN_MAX_MS)
  const signal = listenForStop(log, backstop.arm)
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
  backstop.linger()
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

function listenForStop(log: Logger, onStop: () => void): AbortSignal {
  const stop = new AbortController()
  const onSignal = (signalName: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      log.info({ signal: signalName }, 'already stopping')
      return
    }
    log.info({ signal: signalName }, 'stopping')
    onStop()
    stop.abort(new DOMException(`Stopping after ${signalName}`, 'AbortError'))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return stop.signal
}

/** Ends the process where it does not end by itself. Timers are unref'd, so as not to hold it. */
function openBackstop(log: Logger, drainMaxMs: number) {
  let drain: NodeJS.Timeout | undefined
  return {
    /** The drain has begun. */
    arm(): void {
      drain = setTimeout(() => {
        log.fatal({ drainMaxMs, holding: process.getActiveResourcesInfo() }, 'drain took too long')
        process.exit(1)
      }, drainMaxMs).unref()
    },
    /** The drain is over. */
    linger(): void {
      clearTimeout(drain)
      setTimeout(() => {
        log.warn({ holding: process.getActiveResourcesInfo() }, 'ended with something still open')
        process.exit()
      }, LINGER_MS).unref()
    },
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause === signal.reason || cause.name === 'AbortError') return true
  }
  return false
}
