import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalGroup } from './child-process.ts'
import { isRunning } from './process-table.ts'
import { STOP_PHASES } from './stop-phases.ts'

/**
 * Outlives the process that started the stack, and stops what that one left behind: reads
 * `+ <phase> <pid>` and `- <pid>` from stdin, and when stdin ends (its writer stopped, or was
 * killed) stops every process it still knows, phase by phase, as the stack itself would have.
 */
const POLL_MS = 50

const phaseByPid = new Map<number, number>()
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => {
  const [sign, first = '', second = ''] = line.split(' ')
  if (sign === '+') phaseByPid.set(Number(second), Number(first))
  else phaseByPid.delete(Number(first))
})
await once(lines, 'close')

const startedAt = performance.now()
for (const [phase, { deadlineMs }] of STOP_PHASES.entries()) {
  const pids = [...phaseByPid].filter(([, own]) => own === phase).map(([pid]) => pid)
  for (const pid of pids) signalGroup(pid, 'SIGTERM')
  while (pids.some(isRunning) && performance.now() - startedAt < deadlineMs) await sleep(POLL_MS)
  for (const pid of pids.filter(isRunning)) signalGroup(pid, 'SIGKILL')
}
