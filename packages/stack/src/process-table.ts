import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Whether the process lives. One that has ended and that nobody has collected yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return procFields(pid)?.[0] !== 'Z'
}

/**
 * When the process began, in the system's own words, or null when there is none: its number alone
 * may be another process by now.
 */
export function processStart(pid: number): string | null {
  const ticks = procFields(pid)?.[19]
  if (ticks !== undefined) {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}/${ticks}`
  }
  const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
  return ps.status === 0 ? ps.stdout.trim() : null
}

/** The fields of Linux's `/proc/<pid>/stat` from the state on; undefined where there is none. */
function procFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // They are counted after the command's name, which may hold anything; see proc(5).
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
