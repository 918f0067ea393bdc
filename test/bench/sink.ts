import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const Listening = z.object({ port: z.int().positive() })
const Parts = z.object({ count: z.number(), firstAtMs: z.number(), lastAtMs: z.number() })

/** A server that answers as Glacier does and swallows what it gets, in a process of its own. */
export interface Sink extends AsyncDisposable {
  readonly url: string
  readonly pid: number
  /** Parts answered since they were last forgotten; the times are of one clock. */
  readonly parts: (signal: AbortSignal) => Promise<z.output<typeof Parts>>
  readonly forgetParts: (signal: AbortSignal) => Promise<void>
}

/** @param options.latencyMs how long every answer is held back. */
export async function startSink(
  options: { readonly latencyMs: number },
  signal: AbortSignal,
): Promise<Sink> {
  const file = fileURLToPath(new URL('./sink-server.ts', import.meta.url))
  const child = fork(file, ['--latency-ms', String(options.latencyMs)])
  const exited = once(child, 'exit')
  const [message]: unknown[] = await once(child, 'message', { signal })
  const url = `http://127.0.0.1:${Listening.parse(message).port}`
  return {
    url,
    pid: child.pid ?? 0,
    async parts(at) {
      const response = await fetch(`${url}/sink/parts`, { signal: at })
      return Parts.parse(await response.json())
    },
    async forgetParts(at) {
      const response = await fetch(`${url}/sink/parts`, { method: 'DELETE', signal: at })
      await response.body?.cancel()
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
