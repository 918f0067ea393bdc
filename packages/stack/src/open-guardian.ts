import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Child } from './child-process.ts'

/** The process that stops the stack's others should this one be killed; see `guardian.ts`. */
export interface Guardian extends AsyncDisposable {
  readonly pid: number
  /** Tells it of a process that is to stop in `phase`; it forgets the process when that ends. */
  readonly add: (phase: number, child: Child) => void
}

export async function openGuardian(): Promise<Guardian> {
  const file = fileURLToPath(new URL('guardian.ts', import.meta.url))
  const guardian: ChildProcess = spawn(process.execPath, [file], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  await once(guardian, 'spawn')
  const ended = once(guardian, 'exit')
  const { pid, stdin } = guardian
  if (pid === undefined || stdin === null) throw new Error('The guardian has no stdin')
  // Losing the guardian costs its service, not the stack.
  stdin.on('error', () => {})
  return {
    pid,
    add(phase, child) {
      stdin.write(`+ ${phase} ${child.pid}\n`)
      void child.exited.then(() => stdin.write(`- ${child.pid}\n`))
    },
    async [Symbol.asyncDispose]() {
      stdin.end()
      await ended
    },
  }
}
