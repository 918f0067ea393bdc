import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { invariant } from '@firn/core'

let ticksPerSecond: number | undefined

/** CPU seconds of a process since its start, all threads, the kernel's share included. Linux only. */
export function cpuSecondsOf(pid: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Fields 14 and 15 of proc(5), counted from after the name, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

/** The most memory the process ever had resident. Linux only. */
export function peakRssBytesOf(pid: number): number {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  invariant(peak !== undefined, `no VmHWM of process ${pid}`)
  return Number(peak) * 1024
}
