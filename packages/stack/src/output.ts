import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { prettyFactory } from 'pino-pretty'

/** Where the lines that the stack's processes write go. */
export interface StackOutput extends AsyncDisposable {
  readonly write: (name: string, line: string) => void
  /** Where a person finds the lines of `name` later, or null when they were shown already. */
  readonly fileOf: (name: string) => string | null
}

/** One file per process, as the process wrote it. */
export function createFileOutput(directory: string): StackOutput {
  const files = new Map<string, WriteStream>()
  const fileOf = (name: string): string => join(directory, `${name}.log`)
  mkdirSync(directory, { recursive: true })
  return {
    write(name, line) {
      const file = files.get(name) ?? createWriteStream(fileOf(name), { flags: 'a' })
      files.set(name, file)
      file.write(`${line}\n`)
    },
    fileOf,
    async [Symbol.asyncDispose]() {
      const open = [...files.values()]
      for (const file of open) file.end()
      await Promise.allSettled(open.map((file) => finished(file)))
    },
  }
}

/** All processes in one stream for a person: time, process, level, message, fields. */
export function createPrettyOutput(stream: NodeJS.WriteStream): StackOutput {
  const format = prettyFactory({
    colorize: stream.isTTY === true,
    ignore: 'pid,hostname,name',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  return {
    write(name, line) {
      // A process that dies before its logger is there writes text.
      const record = line.startsWith('{') ? line : parseRedisLine(line)
      const text = record === undefined ? line : format(record).trimEnd()
      stream.write(`${name.padEnd(10)} ${text}\n`)
    },
    fileOf: () => null,
    async [Symbol.asyncDispose]() {},
  }
}

/** A line of Redis's log (`1:M 31 Dec 2026 12:00:00.000 * message`) as a record like the others. */
function parseRedisLine(line: string): { level: number; time: number; msg: string } | undefined {
  const match = /^\d+:\w+ (\d+ \w+ \d+ [\d:.]+) [.\-*#] (.*)$/.exec(line)
  const [, time = '', msg = ''] = match ?? []
  if (match === null) return undefined
  // Redis marks all that it deems important as a warning, its start and its end included.
  const level = /warning|error|fail|can't|cannot/i.test(msg) ? 40 : 30
  return { level, time: Date.parse(time), msg }
}
