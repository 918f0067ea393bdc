import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import { describeError } from './describe-error.ts'

export type { Logger }

/** Names of fields whose value never reaches the log, at the top or one level down. */
const secretFields = [
  'authorization',
  'cookie',
  'password',
  'secret',
  'secretAccessKey',
  'sessionToken',
  'token',
  'tokens',
]

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * The process's log: lines of JSON on stdout, or text for a person when stdout is a terminal.
 * Writes are synchronous, so that the last line before a crash is not lost. A message is a
 * constant phrase; what varies goes into fields.
 */
export function createLogger(options: {
  readonly name: string
  readonly level: LogLevel
  readonly isTerminal: boolean
}): Logger {
  const settings = {
    name: options.name,
    level: options.level,
    redact: {
      paths: secretFields.flatMap((field) => [field, `*.${field}`]),
      censor: '[redacted]',
    },
    serializers: { err: describeError, error: describeError },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  if (!options.isTerminal) return pino(settings)
  return pino(
    settings,
    pretty({
      sync: true,
      ignore: 'pid,hostname',
      translateTime: 'HH:MM:ss.l',
      singleLine: true,
      messageKey: 'msg',
    }),
  )
}
