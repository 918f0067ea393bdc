import type { Random } from './random.ts'

/** A process that may die at any step; what it awaited then never comes back. */
export interface SimProcess {
  readonly name: string
  isAlive: boolean
}

/**
 * What may go wrong with one call to the outside. `refuse`: it did not happen. `lose`: it
 * happened, the answer is lost. `late`: the caller is told that it failed, and it happens at some
 * later step all the same. `crash-before` and `crash-after`: the caller dies.
 */
export type Fault = 'refuse' | 'lose' | 'late' | 'crash-before' | 'crash-after'

export interface CallOptions {
  readonly faults: readonly Fault[]
  /** What the caller is told when the outcome is unknown to it. */
  readonly failure: () => Error
}

/** Something besides pending calls that may happen next. */
export interface Choice {
  readonly label: string
  readonly weight: number
  readonly happen: () => void
}

interface Pending {
  readonly process: SimProcess | null
  readonly label: string
  readonly options: CallOptions
  readonly execute: () => Promise<void>
  readonly fail: (error: Error) => void
}

export interface Scheduler {
  readonly call: <T>(
    process: SimProcess,
    label: string,
    action: () => Promise<T>,
    options: CallOptions,
  ) => Promise<T>
  /** Runs until nothing is left to happen or `stepsMax` steps were made; true when idle. */
  readonly run: (stepsMax: number) => Promise<boolean>
  /** The steps so far, newest last: what to read when a run went wrong. */
  readonly trace: readonly string[]
  readonly faultCount: () => number
}

/**
 * Decides, one step at a time and from one seed, which of all waiting calls happens next and what
 * goes wrong with it. Everything between two calls runs undisturbed, as JavaScript does.
 */
export function createScheduler(
  random: Random,
  world: {
    readonly choices: () => readonly Choice[]
    /** The chance that a call meets one of its faults, now. */
    readonly faultRate: () => number
    readonly onCrash: (process: SimProcess) => void
    readonly check: () => void
  },
): Scheduler {
  let pending: Pending[] = []
  const trace: string[] = []
  let faultCount = 0

  function meet(call: Pending): Fault | undefined {
    const { faults } = call.options
    if (call.process === null || faults.length === 0) return undefined
    return random.chance(world.faultRate()) ? faults[random.below(faults.length)] : undefined
  }

  function crash(process: SimProcess): void {
    process.isAlive = false
    pending = pending.filter((call) => call.process !== process)
    world.onCrash(process)
  }

  /** Does to the caller what the fault does; true when the call happens all the same, now. */
  function suffer(call: Pending, fault: Fault): boolean {
    faultCount += 1
    if (fault === 'late') pending.push({ ...call, process: null, label: `${call.label} (late)` })
    if (!fault.startsWith('crash')) call.fail(call.options.failure())
    else if (call.process !== null) crash(call.process)
    return fault === 'lose' || fault === 'crash-after'
  }

  async function perform(call: Pending): Promise<void> {
    const fault = meet(call)
    trace.push(`${call.process?.name ?? 'network'} ${call.label}${fault ? ` !${fault}` : ''}`)
    if (fault === undefined || suffer(call, fault)) await call.execute()
  }

  function pick(): (() => Promise<void>) | undefined {
    const choices = world.choices()
    const weights = choices.reduce((sum, { weight }) => sum + weight, 0)
    if (pending.length + weights <= 0) return undefined
    let at = random.next() * (pending.length + weights)
    if (at < pending.length) {
      const [call] = pending.splice(Math.floor(at), 1)
      return call && (() => perform(call))
    }
    at -= pending.length
    for (const { label, weight, happen } of choices) {
      at -= weight
      if (at >= 0) continue
      return async () => {
        trace.push(label)
        happen()
      }
    }
    return undefined
  }

  return {
    trace,
    faultCount: () => faultCount,
    call(process, label, action, options) {
      if (!process.isAlive) return new Promise(() => undefined)
      return new Promise((resolve, reject) => {
        const execute = () => action().then(resolve, reject)
        pending.push({ process, label, options, execute, fail: reject })
      })
    },
    async run(stepsMax) {
      for (let step = 0; step < stepsMax; step += 1) {
        const next = pick()
        if (next === undefined) return true
        await next()
        await settle()
        world.check()
      }
      return false
    },
  }
}

/** Lets everything that can run without an outside call run to its next one. */
async function settle(): Promise<void> {
  await new Promise(setImmediate)
}
