import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Child, type Exit, type ProcessSpec, startChild } from './child-process.ts'
import type { StackOutput } from './output.ts'
import type { ServiceKind } from './stop-phases.ts'

const READY_MAX_MS = 60_000
const POLL_MS = 25
const PROBE_MAX_MS = 5_000
const LINES_KEPT = 20

/** One service of a stack: how it starts, and how one sees that it is ready. */
export interface ServiceDefinition {
  readonly kind: ServiceKind
  readonly spec: ProcessSpec
  /** The variable that names the port of its HTTP server; null for Redis. */
  readonly portVariable: string | null
  /** Replaces the question to `/readyz` for a process without an HTTP server. */
  readonly whenReady?: (signal: AbortSignal) => Promise<void>
}

export interface RunningService {
  readonly child: Child
  /** Base URL of its HTTP server, or null. */
  readonly url: string | null
}

/** The line by which each service says where it listens. */
const Listening = z.object({
  msg: z.literal('listening'),
  address: z.string(),
  port: z.number().int().positive(),
})

/**
 * Starts one service and waits until it is ready. Rejects, leaving no process behind, when it ends
 * before that or is not ready within a minute. When `signal` aborts it rejects at once, and the
 * process that `onSpawn` saw is still to be stopped.
 */
export async function startService(
  input: {
    readonly definition: ServiceDefinition
    readonly output: StackOutput
    /** Sees the process as soon as it exists. */
    readonly onSpawn: (child: Child) => void
  },
  signal: AbortSignal,
): Promise<RunningService> {
  const { definition, output } = input
  const { name } = definition.spec
  signal.throwIfAborted()
  const lastLines: string[] = []
  const listening = Promise.withResolvers<string>()
  const child = await startChild(definition.spec, (line) => {
    output.write(name, line)
    if (lastLines.push(line) > LINES_KEPT) lastLines.shift()
    const url = listeningUrl(line)
    if (url !== undefined) listening.resolve(url)
  })
  input.onSpawn(child)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(READY_MAX_MS)])
  try {
    const url = await Promise.race([
      whenReady(definition, listening.promise, limit),
      child.exited.then((exit) => {
        throw new Error(`${name} ended before it was ready (${describeExit(exit)})`)
      }),
      rejectOnAbort(limit),
    ])
    return { child, url }
  } catch (error) {
    signal.throwIfAborted()
    child.signal('SIGKILL')
    await child.exited
    const file = output.fileOf(name)
    const more = file === null ? '' : `, whose log is ${file}:\n${lastLines.join('\n')}`
    throw new Error(`Cannot start ${name}${more}`, { cause: error })
  }
}

/** How a process ended, for a message. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : signal
}

async function whenReady(
  definition: ServiceDefinition,
  listening: Promise<string>,
  signal: AbortSignal,
): Promise<string | null> {
  if (definition.whenReady !== undefined) {
    await definition.whenReady(signal)
    return null
  }
  const url = await listening
  while (!(await isReady(url, signal))) await sleep(POLL_MS, undefined, { signal })
  return url
}

async function isReady(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MAX_MS)])
    const response = await fetch(`${url}/readyz`, { signal: limit })
    await response.body?.cancel()
    return response.ok
  } catch {
    signal.throwIfAborted()
    return false
  }
}

function listeningUrl(line: string): string | undefined {
  if (!line.includes('"listening"')) return undefined
  try {
    const { success, data } = Listening.safeParse(JSON.parse(line))
    if (!success) return undefined
    const isAny = data.address === '::' || data.address === '0.0.0.0'
    const host = isAny ? '127.0.0.1' : data.address
    return `http://${host.includes(':') ? `[${host}]` : host}:${data.port}`
  } catch {
    return undefined
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
