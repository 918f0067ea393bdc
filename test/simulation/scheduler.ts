import type { Random } from './random.ts'

/**
 * A process that may die at any step, or stop for a while: what it awaited then never comes back,
 * or comes back when everybody else has gone on.
 */
export interface SimProcess {
  readonly name: string
  isAlive: boolean
  isPaused: boolean
  /** Answers that came while it was stopped; it takes them when it goes on. */
  readonly inbox: (() => void)[]
}

/**
 * What may go wrong with one call to the outside. `refuse`: it did not happen. `lose`: it
 * happened, the answer is lost. `late`: the caller is told that it failed, and it happens at some
 * later step all the same. `deny`: it did not happen, and the answer is a lie of the other side's
 * own, {@link CallOptions.denial}; `mislead`: the same of what happened. `crash-before` and
 * `crash-after`: the caller dies.
 */
export type Fault = 'refuse' | 'lose' | 'late' | 'deny' | 'mislead' | 'crash-before' | 'crash-after'

export interface CallOptions {
  readonly faults: readonly Fault[]
  /** How much more often than others it meets one. */
  readonly risk: number
  /** What the caller is told when the outcome is unknown to it. */
  readonly failure: () => Error
  readonly denial: () => Error
}

/** Something besides pending calls that may happen next. */
export interface Choice {
  readonly label: string
  readonly weight: number
  readonly happen: () => void
}

interface Pending {
  /** Null once the caller has given it up: it is on its way by itself. */
  readonly process: SimProcess | null
  readonly label: string
  readonly options: CallOptions
  readonly execute: () => Promise<void>
  readonly fail: (error: Error) => void
  /** It had left its process before that stopped. */
  isSent: boolean
}

export interface Scheduler {
  readonly call: <T>(
    process: SimProcess,
    label: string,
    action: () => Promise<T>,
    options: CallOptions,
  ) => Promise<T>
  /** Stops a process where it is. Some of what it was about to send has left it already. */
  readonly pause: (process: SimProcess) => void
  /** Lets it go on, as if no time had passed. */
  readonly resume: (process: SimProcess) => void
  /** Runs until nothing is left to happen or `stepsMax` steps were made; true when idle. */
  readonly run: (stepsMax: number) => Promise<boolean>
  /** The steps so far, newest last: what to read when a run went wrong. */
  readonly trace: readonly string[]
  readonly faultCount: () => number
}

/** What is late comes when nobody thinks of it any more. */
const LATE_WEIGHT = 0.1

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
  const trace: string[] = []
  const calls = createCalls(random, { ...world, trace })

  /** One step: a call that waits, or something else that may happen; undefined when nothing may. */
  function pick(): (() => Promise<void> | void) | undefined {
    const ready = calls.ready()
    const choices = world.choices()
    const weights = [...ready, ...choices].reduce((sum, { weight }) => sum + weight, 0)
    let at = random.next() * weights
    for (const { label, weight, happen } of [...ready, ...choices]) {
      at -= weight
      if (at >= 0) continue
      return () => {
        if (label !== null) trace.push(label)
        return happen()
      }
    }
    return undefined
  }

  return {
    call: calls.call,
    pause: calls.pause,
    resume: calls.resume,
    faultCount: calls.faultCount,
    trace,
    async run(stepsMax) {
      for (let step = 0; step < stepsMax; step += 1) {
        const happen = pick()
        if (happen === undefined) return true
        await happen()
        await settle()
        world.check()
      }
      return false
    },
  }
}

interface Calls extends Pick<Scheduler, 'call' | 'pause' | 'resume' | 'faultCount'> {
  /** Those that may happen now. */
  readonly ready: () => readonly (Omit<Choice, 'label' | 'happen'> & {
    readonly label: null
    readonly happen: () => Promise<void>
  })[]
}

/** The calls that wait to happen, and what happens to them. */
function createCalls(
  random: Random,
  world: {
    readonly faultRate: () => number
    readonly onCrash: (process: SimProcess) => void
    readonly trace: string[]
  },
): Calls {
  let pending: Pending[] = []
  let faultCount = 0

  function meet(call: Pending): Fault | undefined {
    const { faults, risk } = call.options
    if (call.process === null || faults.length === 0) return undefined
    return random.chance(world.faultRate() * risk) ? faults[random.below(faults.length)] : undefined
  }

  function crash(process: SimProcess): void {
    process.isAlive = false
    pending = pending.filter((call) => call.process !== process)
    world.onCrash(process)
  }

  /** Does to the caller what the fault does; true when the call happens all the same, now. */
  function suffer(call: Pending, fault: Fault): boolean {
    faultCount += 1
    const { options, process } = call
    if (fault === 'late') pending.push({ ...call, process: null, label: `${call.label} (late)` })
    if (fault === 'deny' || fault === 'mislead') call.fail(options.denial())
    else if (!fault.startsWith('crash')) call.fail(options.failure())
    else if (process !== null) crash(process)
    return fault === 'lose' || fault === 'mislead' || fault === 'crash-after'
  }

  async function perform(call: Pending): Promise<void> {
    pending.splice(pending.indexOf(call), 1)
    const fault = meet(call)
    world.trace.push(`${call.process?.name ?? 'network'} ${call.label}${fault ? ` !${fault}` : ''}`)
    if (fault === undefined || suffer(call, fault)) await call.execute()
  }

  return {
    faultCount: () => faultCount,
    ready: () =>
      pending
        .filter(({ process, isSent }) => process === null || !process.isPaused || isSent)
        .map((call) => ({
          label: null,
          weight: call.process === null ? LATE_WEIGHT : 1,
          happen: () => perform(call),
        })),
    call: (process, label, action, options) =>
      new Promise((resolve, reject) => {
        if (!process.isAlive) return
        const fail = (error: unknown) => answer(process, () => reject(error))
        const execute = () => action().then((value) => answer(process, () => resolve(value)), fail)
        pending.push({ process, label, options, execute, fail, isSent: false })
      }),
    pause(process) {
      process.isPaused = true
      for (const call of pending) if (call.process === process) call.isSent = random.chance(0.5)
    },
    resume(process) {
      process.isPaused = false
      for (const take of process.inbox.splice(0)) take()
    },
  }
}

function answer(process: SimProcess, take: () => void): void {
  if (process.isPaused) process.inbox.push(take)
  else take()
}

/** Lets everything that can run without an outside call run to its next one. */
async function settle(): Promise<void> {
  await new Promise(setImmediate)
}
