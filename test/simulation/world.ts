import { type Controls, defaultControls, type JobId } from '@firn/core'
import { createMemoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { checkEnd, checkStep } from './invariants.ts'
import { createRandom, type Random } from './random.ts'
import { type Choice, createScheduler, type Scheduler, type SimProcess } from './scheduler.ts'
import { ask, command, createHousekeeper, deliver, type Processes, post } from './sim-actors.ts'
import { createGlacierModel } from './sim-glacier.ts'
import { type Models, simPorts } from './sim-ports.ts'
import { createQueueModel } from './sim-queue.ts'
import { createSourceModel } from './sim-source.ts'

export interface SimulationOptions {
  readonly seed: number
  readonly jobCount: number
  readonly partCount: number
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
  readonly accepted: Set<JobId>
  readonly jobCount: number
  /** The chance that a call meets a fault: some worlds are calm, some hell, most in between. */
  readonly faultRate: number
  posted: number
  steps: number
  isFaulty: boolean
  /** Every process sees a change at once; a part that was queued before is what comes late. */
  controls: Controls
}

const STEP_MS = 1000
/** As much of a failed run as a person reads. */
const TRACE_MAX = Number(process.env.SIM_TRACE ?? 60)

/**
 * Runs jobs through the real use cases in a simulated world: two workers, two finalizers with
 * their housekeeping, clients, and everything that can go wrong between any two calls. First with
 * faults, then healed, so that what was begun must come to its end. Throws at the first violated
 * invariant, with the seed and the last steps.
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const { world, scheduler } = createWorld(options)
  try {
    // With faults the world never rests: somebody can always stumble.
    await scheduler.run(200 + world.random.below(600))
    await heal(world, scheduler)
    const states = await checkEnd({ ...world.models, accepted: world.accepted })
    const count = (state: string) => states.filter((one) => one === state).length
    return {
      steps: world.steps,
      faults: scheduler.faultCount(),
      archived: count('archived'),
      failed: count('failed'),
      cancelled: count('cancelled'),
    }
  } catch (error) {
    const trace = scheduler.trace.slice(-TRACE_MAX).join('\n  ')
    throw new Error(`Seed ${options.seed} failed; its last steps:\n  ${trace}`, { cause: error })
  }
}

function createWorld({ seed, jobCount, partCount }: SimulationOptions): {
  readonly world: World
  readonly scheduler: Scheduler
} {
  const random = createRandom(seed)
  const now = () => world.steps * STEP_MS
  const models: Models = {
    store: createMemoryJobStore(),
    journal: createMemoryJournal(),
    glacier: createGlacierModel({ now, replayMs: random.below(100) * STEP_MS }),
    queues: createQueueModel({ partAttempts: 12 }),
    sources: createSourceModel(partCount),
    controls: () => world.controls,
    now,
    randomBytes: (count) => Uint8Array.from({ length: count }, () => random.below(256)),
  }
  const byName = new Map<string, SimProcess>()
  const live = (name: string): SimProcess => {
    const process = byName.get(name) ?? { name, isAlive: true }
    byName.set(name, process)
    return process
  }
  const depsOf = (process: SimProcess) => simPorts(scheduler, models, process)
  const processes: Processes = { live, depsOf }
  const world: World = {
    ...{ random, models, processes, jobCount },
    housekeepers: ['finalizer1', 'finalizer2'].map((name) => createHousekeeper(processes, name)),
    accepted: new Set(),
    faultRate: [0, 0.02, 0.1, 0.3][random.below(4)] ?? 0,
    ...{ posted: 0, steps: 0, isFaulty: true, controls: defaultControls },
  }
  const scheduler = createScheduler(random, {
    choices: () => choices(world),
    faultRate: () => (world.isFaulty ? world.faultRate : 0),
    onCrash(process) {
      models.queues.onCrash(process)
      byName.delete(process.name)
    },
    check() {
      world.steps += 1
      checkStep(models)
    },
  })
  return { world, scheduler }
}

/** Faults end, everybody is patient: what was accepted must come to its end. */
async function heal(world: World, scheduler: Scheduler): Promise<void> {
  const { models, processes, accepted, housekeepers } = world
  world.isFaulty = false
  world.controls = { ...world.controls, heldVaults: [] }
  for (let pass = 0; pass < 30; pass += 1) {
    // More than once: a pause that was under way when the faults ended may come after the first.
    for (const id of accepted) if (await isPaused(world, id)) ask(processes, id, 'resume')
    models.queues.release()
    for (const keep of housekeepers) keep()
    if (!(await scheduler.run(20_000))) throw new Error('The healed world does not come to rest')
    // On a vault where nothing happens no newer inventory comes; here life goes on.
    world.steps += 1
    await touchVault(world)
    models.glacier.takeInventory()
  }
}

/** Of what is not paused nobody asks anything: it has to come to its end by itself. */
async function isPaused({ models: { store } }: World, id: JobId): Promise<boolean> {
  const stored = await store.load(id, new AbortController().signal)
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
function choices(world: World): Choice[] {
  const { random, models, processes } = world
  const found: Choice[] = models.queues.waiting().map((job) => ({
    label: `deliver ${job.id}`,
    weight: 1,
    happen: () => deliver(processes, models.queues, random, job),
  }))
  if (world.posted < world.jobCount) {
    const happen = () => {
      world.posted += 1
      post(processes, world.posted, (id) => world.accepted.add(id))
    }
    found.push({ label: 'post', weight: 0.5, happen })
  }
  return world.isFaulty && world.faultRate > 0 ? [...found, ...mischief(world)] : found
}

/** People and the world at their worst. */
function mischief(world: World): Choice[] {
  const { random, models, processes, accepted } = world
  const { queues, glacier, sources } = models
  const { faultRate, jobCount } = world
  const wipe = () => {
    models.store = createMemoryJobStore()
    queues.clear()
  }
  const operate = () => {
    const heldVaults = random.below(2) === 0 ? ['v'] : []
    world.controls = { ...defaultControls, heldVaults, windowParts: 1 + random.below(4) }
  }
  const change = () => sources.change(`/file${1 + random.below(jobCount)}`)
  const tear = () => sources.tear(`/file${1 + random.below(jobCount)}`)
  return [
    { label: 'release', weight: 0.2, happen: queues.release },
    { label: 'command', weight: 0.02, happen: () => command(processes, random, [...accepted]) },
    { label: 'an operator acts', weight: 0.02, happen: operate },
    { label: 'Redis loses everything', weight: faultRate / 100, happen: wipe },
    { label: 'a source changes', weight: faultRate / 30, happen: change },
    { label: 'a source changes under its reader', weight: faultRate / 30, happen: tear },
    { label: 'inventory', weight: 0.02, happen: glacier.takeInventory },
    ...world.housekeepers.map((happen) => ({ label: 'housekeeping', weight: 0.05, happen })),
    ...queues.active().map((job) => ({
      label: `stall ${job.id}`,
      weight: faultRate / 10,
      happen: () => queues.stall(job),
    })),
    ...glacier.openUploads().map(({ uploadId }) => ({
      label: `expire ${uploadId}`,
      weight: faultRate / 50,
      happen: () => glacier.expire(uploadId),
    })),
  ]
}
