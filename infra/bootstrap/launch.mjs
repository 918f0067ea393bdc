import { spawn } from 'node:child_process'

/** Ctrl-C arrives twice within moments, from the terminal and from npm; a person is slower. */
const ECHO_MS = 700
const PARENT_CHECK_MS = 1000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']

/**
 * Runs the program with this process's standard streams, and ends this process as it ended.
 * False when the system cannot run the command at all.
 *
 * The program leads a process group of its own, so that the terminal's signals reach it through
 * this process alone, each exactly once. It learns this process's id from FIRN_LAUNCHER_PID, and
 * may stop when that is no longer its parent.
 */
export function launch({ command, args, cwd, env }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...env, FIRN_LAUNCHER_PID: String(process.pid) },
      stdio: 'inherit',
      detached: true,
    })
    const stopRelaying = relaySignals(child)
    const stopWatching = watchParent(() => child.kill('SIGTERM'))
    const stop = () => {
      stopRelaying()
      stopWatching()
    }
    child.once('error', () => {
      stop()
      resolve(false)
    })
    child.once('exit', (code, signal) => {
      stop()
      if (signal === null) process.exitCode = code
      else process.kill(process.pid, signal)
      resolve(true)
    })
  })
}

function relaySignals(child) {
  const relayedAt = new Map()
  const relay = (signal) => {
    const now = performance.now()
    if (now - (relayedAt.get(signal) ?? Number.NEGATIVE_INFINITY) < ECHO_MS) return
    relayedAt.set(signal, now)
    child.kill(signal)
  }
  for (const signal of SIGNALS) process.on(signal, relay)
  return () => {
    for (const signal of SIGNALS) process.off(signal, relay)
  }
}

/**
 * npm that is killed takes nobody along; its script has to notice. The scripts begin with `exec`,
 * or a shell would stand between the two, and end alone at npm's SIGTERM.
 */
function watchParent(onDeath) {
  if (process.env.npm_lifecycle_event === undefined) return () => {}
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onDeath()
  }, PARENT_CHECK_MS)
  return () => clearInterval(timer)
}
