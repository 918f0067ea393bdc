import { type Controls, defaultControls, isFinished, type JobId } from '@firn/core'
import { createMemoryJournal } from '@firn/journal'
import { checkEnd, checkStep } from './invariants.ts'
import { mischief } from './mischief.ts'
import { createRandom, type Random } from './random.ts'
import { type Choice, createScheduler, type Scheduler, type SimProcess } from './scheduler.ts'
import {
  ask,
  createHousekeeper,
  deliver,
  type Processes,
  post,
  type Witness,
} from './sim-actors.ts'
import { createWorldClock } from './sim-clock.ts'
import { createGlacierModel } from './sim-glacier.ts'
import type { Models } from './sim-ports.ts'
import { simPorts } from './sim-ports.ts'
import { createRedisModel } from './sim-redis.ts'
import { createSourceModel } from './sim-source.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly jobCount: number
  readonly partCount: number
  /** Ends the faults after so many steps at most: the shortest story of a failure. */
  readonly faultyStepsMax?: number
}

export interface SimulationReport {
  readonly steps: number
  readonly faults: number
  readonly archived: number
  readonly failed: number
  readonly cancelled: number
}

interface World {
  readonly random: Random
  readonly models: Models
  readonly processes: Processes
  readonly housekeepers: readonly (() => void)[]
  readonly witness: Witness
  readonly jobCount: number
  /** The chance that a call meets a fault: some worlds are calm, some hell, most in between. */
  readonly faultRate: number
  /** Somebody else writes over parts; then Redis, which alone knows them, forgets nothing. */
  readonly isSpoiled: boolean
  posted: number
  steps: number
  isFaulty: boolean
  /** Every process sees a change at once; a part that was queued before is what comes late. */
  controls: Controls
}

const PROCESSES = ['api', 'worker1', 'worker2', 'finalizer1', 'finalizer2']
const STEP_MS = 1000
const CALM_STEPS_MAX = 20_000
/** In which every finalizer ends what it was at, and does all of its housekeeping once more. */
const SETTLED_PASSES = 8
const POST_WEIGHT = 0.04
const END_WEIGHT = 0.01
/** More than clocks and inventories can be wrong by together. */
const HEALING_MS = 48 * 3600 * 1000
const READING_MS = 6 * 3600 * 1000

/**
 * Runs jobs through the real use cases in a simulated world: two workers, two finalizers with
 * their housekeeping, clients, and everything that can go wrong between any two calls. First with
 * faults, then healed, so that what was begun must come to its end. Throws at the first violated
 * invariant, with the last steps.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { world, scheduler } = createWorld(options)
  try {
    // With faults the world never rests: somebody can always stumble.
    const faultySteps = 200 + world.random.below(600)
    if (world.faultRate === 0) await runCalmly(world, scheduler)
    else await scheduler.run(Math.min(faultySteps, options.faultyStepsMax ?? faultySteps))
    await heal(world, scheduler)
    const states = await checkEnd(world.models, world.witness)
    const count = (state: string) => states.filter((one) => one === state).length
    return {
      steps: world.steps,
      faults: scheduler.faultCount(),
      archived: count('archived'),
      failed: count('failed'),
      cancelled: count('cancelled'),
    }
  } catch (error) {
    throw new SimulationError(options, scheduler.trace, error)
  }
}

/** A violated invariant, with the steps that led to it. */
export class SimulationError extends Error {
  override readonly name = 'SimulationError'
  readonly steps: number

  constructor({ seed }: SimulationOptions, trace: readonly string[], cause: unknown) {
    super(`Seed ${seed} failed; its last steps:\n  ${trace.slice(-TRACE_MAX).join('\n  ')}`, {
      cause,
    })
    this.steps = trace.length
  }
}

/** As much of a failed run as a person reads. */
const TRACE_MAX = Number(process.env.SIM_TRACE ?? 60)

function createWorld({ seed, jobCount, partCount }: SimulationOptions): {
  readonly world: World
  readonly scheduler: Scheduler
} {
  const random = createRandom(seed)
  const clock = createWorldClock(random)
  const models: Models = {
    redis: createRedisModel({ partAttempts: 12 }),
    journal: createMemoryJournal(),
    glacier: createGlacierModel(random, clock.of('glacier')),
    sources: createSourceModel(partCount),
    controls: () => world.controls,
    clock,
    random,
    lies: new Set(),
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)),
  }
  const byName = new Map<string, SimProcess>()
  const live = (name: string): SimProcess => {
    const process = byName.get(name) ?? { name, isAlive: true, isPaused: false, inbox: [] }
    byName.set(name, process)
    return process
  }
  const depsOf = (process: SimProcess) => simPorts(scheduler, models, process)
  const processes: Processes = { live, depsOf }
  const witness: Witness = {
    accepted: new Set(),
    told: new Map(),
    retried: new Set(),
    bugs: [],
  }
  const world: World = {
    ...{ random, models, processes, witness, jobCount },
    housekeepers: ['finalizer1', 'finalizer2'].map((name) =>
      createHousekeeper(processes, name, witness),
    ),
    faultRate: [0, 0.02, 0.1, 0.3][random.below(4)] ?? 0,
    isSpoiled: random.chance(0.25),
    ...{ posted: 0, steps: 0, isFaulty: true, controls: defaultControls },
  }
  const scheduler = createScheduler(random, {
    choices: () => choices(world, scheduler),
    faultRate: () => (world.isFaulty ? world.faultRate : 0),
    onCrash(process) {
      models.redis.queues.onCrash(process)
      byName.delete(process.name)
    },
    check() {
      world.steps += 1
      clock.advance(STEP_MS)
      checkStep(models.glacier, witness)
    },
  })
  return { world, scheduler }
}

/** Where nothing goes wrong nobody has to look after the jobs: each comes to its end by itself. */
async function runCalmly({ models, witness }: World, scheduler: Scheduler): Promise<void> {
  if (!(await scheduler.run(CALM_STEPS_MAX))) throw new Error('The calm world does not rest')
  for (const id of witness.accepted) {
    const stored = await models.redis.store().load(id, new AbortController().signal)
    if (stored?.job.progress.state !== 'archived') throw new Error(`Job ${id} needs the sweeper`)
  }
}

/** Faults end, everybody is patient: what was accepted must come to its end. */
async function heal(world: World, scheduler: Scheduler): Promise<void> {
  const { models, processes, witness, housekeepers } = world
  world.isFaulty = false
  world.controls = { ...world.controls, heldVaults: [] }
  for (const name of PROCESSES) scheduler.resume(processes.live(name))
  let settledPasses = 0
  for (let pass = 0; pass < 40 && settledPasses < SETTLED_PASSES; pass += 1) {
    // More than once: a pause that was under way when the faults ended may come after the first.
    for (const id of witness.accepted) {
      if (await isPaused(world, id)) ask(processes, id, 'resume', witness)
    }
    models.redis.queues.release()
    for (const keep of housekeepers) keep()
    if (!(await scheduler.run(20_000))) throw new Error('The healed world does not come to rest')
    await passTime(world, pass)
    settledPasses = (await isSettled(world)) ? settledPasses + 1 : 0
  }
}

/** Two days and an inventory, then hours in which one may be asked for and read; and so on. */
async function passTime(world: World, pass: number): Promise<void> {
  const { clock, glacier } = world.models
  if (pass % 3 > 0) return clock.advance(READING_MS)
  clock.advance(HEALING_MS)
  // On a vault where nothing happens no newer inventory comes; here life goes on.
  await touchVault(world)
  clock.advance(HEALING_MS)
  glacier.takeInventory()
}

/** Every job has ended, and no queue holds anything more. */
async function isSettled({ models: { redis }, witness }: World): Promise<boolean> {
  for (const id of witness.accepted) {
    const stored = await redis.store().load(id, new AbortController().signal)
    if (stored === undefined || !isFinished(stored.job.progress.state)) return false
  }
  return redis.queues.isEmpty()
}

/** Of what is not paused nobody asks anything: it has to come to its end by itself. */
async function isPaused({ models: { redis } }: World, id: JobId): Promise<boolean> {
  const stored = await redis.store().load(id, new AbortController().signal)
  return stored?.job.progress.state === 'paused'
}

/** An archive of somebody else's, so that the next inventory is a new one. */
async function touchVault({ models: { glacier } }: World): Promise<void> {
  const { signal } = new AbortController()
  const input = { vault: 'v', partSizeBytes: 1, description: 'of somebody else' }
  const { uploadId } = await glacier.initiateUpload(input, signal)
  const treeHash = 'ff'.repeat(32)
  const range = { start: 0, end: 1 }
  const part = { vault: 'v', uploadId, range, body: new Uint8Array(1), sha256: treeHash, treeHash }
  await glacier.uploadPart(part, signal)
  await glacier.completeUpload({ vault: 'v', uploadId, sizeBytes: 1, treeHash }, signal)
}

/** What may happen next besides the calls that wait for an answer. */
function choices(world: World, scheduler: Scheduler): Choice[] {
  const { random, models, witness, processes } = world
  const { queues } = models.redis
  const found: Choice[] = queues.waiting().map((job) => ({
    label: `deliver ${job.id}`,
    weight: 1,
    happen: () => deliver({ processes, witness }, queues, random, job),
  }))
  if (world.posted < world.jobCount) {
    const happen = () => {
      world.posted += 1
      post(processes, world.posted, witness)
    }
    // One after another, so that there is something to spoil all the time.
    found.push({ label: 'post', weight: world.posted === 0 ? 1 : POST_WEIGHT, happen })
  }
  if (!world.isFaulty || world.faultRate === 0) return found
  // Nothing is under way that could be disturbed.
  const isQuiet = world.posted === world.jobCount && queues.isEmpty()
  const end = () => {
    world.isFaulty = false
  }
  if (isQuiet) found.push({ label: 'the faults end', weight: END_WEIGHT, happen: end })
  const setControls = (controls: Controls) => {
    world.controls = controls
  }
  return [...found, ...mischief({ ...world, scheduler, setControls })]
}
