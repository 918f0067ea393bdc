import type { Random } from './random.ts'

const HOUR_MS = 3600 * 1000

/** What the simulated time begins at: late enough that no clock shows a time before 1970. */
const START_MS = 365 * 24 * HOUR_MS

/** How wrong clocks are in a world: not at all, by the usual drift, or by a wrong setting. */
const ERRORS_MS = [0, 30_000, 600_000, 5 * HOUR_MS]

/**
 * The time of the simulated world, and what each machine takes it for. Every machine is wrong by
 * an amount of its own, up to five hours either way, Glacier included; a clock may be set again.
 */
export interface WorldClock {
  readonly nowMs: () => number
  readonly advance: (byMs: number) => void
  /** The clock of a machine, by its name. */
  readonly of: (machine: string) => () => number
  /** Somebody sets the clock of a machine, to another wrong time. */
  readonly set: (machine: string) => void
}

export function createWorldClock(random: Random): WorldClock {
  const errorMaxMs = ERRORS_MS[random.below(ERRORS_MS.length)] ?? 0
  const errorByMachine = new Map<string, number>()
  let nowMs = START_MS
  const set = (machine: string): number => {
    const errorMs = Math.round((2 * random.next() - 1) * errorMaxMs)
    errorByMachine.set(machine, errorMs)
    return errorMs
  }
  return {
    nowMs: () => nowMs,
    advance(byMs) {
      nowMs += byMs
    },
    of: (machine) => () => nowMs + (errorByMachine.get(machine) ?? set(machine)),
    set,
  }
}
