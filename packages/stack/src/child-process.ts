import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** How one process of the stack is started. */
export interface ProcessSpec {
  /** Unique within the stack, such as `worker-2`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly name: string
  readonly pid: number
  /** Resolves, never rejects, when the process is gone and its output was read to the end. */
  readonly exited: Promise<Exit>
  readonly hasExited: () => boolean
  /** Sends the signal to the process and to all that it started. */
  readonly signal: (signal: NodeJS.Signals) => void
}

/**
 * Starts a process in a group of its own, so that a terminal's Ctrl-C does not reach it and stays
 * a matter of whoever stops the stack in order. `onLine` sees each line of its output.
 */
export async function startChild(
  spec: ProcessSpec,
  onLine: (line: string) => void,
): Promise<Child> {
  const child = spawn(spec.command, [...spec.args], {
    cwd: spec.cwd,
    env: spec.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const closed = watchOutput(child, onLine)
  if (child.pid === undefined) {
    const [error]: unknown[] = await once(child, 'error')
    throw new Error(`Cannot start ${spec.name}`, { cause: error })
  }
  const { pid } = child
  const exited = closed.then(() => ({ code: child.exitCode, signal: child.signalCode }))
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    name: spec.name,
    pid,
    exited,
    hasExited,
    signal(signal) {
      // Once it is gone, its id may be somebody else's.
      if (!hasExited()) signalGroup(pid, signal)
    },
  }
}

/** Signals a process group; one that is gone already is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

async function watchOutput(child: ChildProcess, onLine: (line: string) => void): Promise<void> {
  // 'exit' may come before the last output was read; 'close' comes after.
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', onLine)
  }
  await closed
}
