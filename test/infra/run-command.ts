import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Standard output of a command of the machine. Rejects, with its standard error, when it fails. */
export async function runCommand(
  command: readonly string[],
  options: { readonly timeoutMs: number; readonly env?: NodeJS.ProcessEnv },
): Promise<string> {
  const [file = '', ...args] = command
  const { stdout } = await execute(file, args, {
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 ** 2,
    env: options.env ?? process.env,
  })
  return stdout
}

/** Whether the command can be run here, and says that all is well. */
export async function canRun(...command: readonly string[]): Promise<boolean> {
  try {
    await runCommand(command, { timeoutMs: 20_000 })
    return true
  } catch {
    return false
  }
}
