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
      // Redis writes text, and so does a process that dies before its logger is there.
      const text = line.startsWith('{') ? format(line).trimEnd() : line
      stream.write(`${name.padEnd(10)} ${text}\n`)
    },
    fileOf: () => null,
    async [Symbol.asyncDispose]() {},
  }
}
