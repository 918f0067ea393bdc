import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import {
  SimulationError,
  type SimulationOptions,
  type SimulationReport,
  simulate,
} from './world.ts'

export interface SeedRange {
  readonly first: number
  readonly count: number
}

export interface SeedResult {
  readonly total: SimulationReport
  readonly failedSeed: number | null
}

const COMMAND = 'npm test -- test/simulation/simulation.test.ts'
/** Few enough that a failure is known soon, many enough that a thread is not asked all the time. */
const RANGE_MAX = 100

/** The world of a seed: one to three jobs, of one to five parts. */
export function optionsOf(seed: number, faultyStepsMax?: number): SimulationOptions {
  const options = { seed, jobCount: 1 + (seed % 3), partCount: 1 + (seed % 5) }
  return faultyStepsMax === undefined ? options : { ...options, faultyStepsMax }
}

/**
 * Simulates the seeds on all cores. The first that fails is told again, in its shortest form, with
 * the command that replays it.
 */
export async function runSeeds({ first, count }: SeedRange): Promise<SimulationReport> {
  const results: SeedResult[] = []
  let next = first
  const drive = async (): Promise<void> => {
    const thread = new Worker(new URL('./simulation-thread.ts', import.meta.url))
    try {
      while (next < first + count && results.every(({ failedSeed }) => failedSeed === null)) {
        const range = { first: next, count: Math.min(RANGE_MAX, first + count - next) }
        next += range.count
        thread.postMessage(range)
        const [result]: SeedResult[] = await once(thread, 'message')
        if (result !== undefined) results.push(result)
      }
    } finally {
      await thread.terminate()
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, drive))
  const failed = results.flatMap(({ failedSeed }) => failedSeed ?? [])
  if (failed.length > 0) throw await shortestFailure(Math.min(...failed))
  return sum(results.map(({ total }) => total))
}

function sum(reports: readonly SimulationReport[]): SimulationReport {
  const add = (key: keyof SimulationReport) => reports.reduce((all, one) => all + one[key], 0)
  return {
    steps: add('steps'),
    faults: add('faults'),
    archived: add('archived'),
    failed: add('failed'),
    cancelled: add('cancelled'),
  }
}

/** The same seed with fewer and fewer faulty steps: what comes before them stays as it was. */
async function shortestFailure(seed: number): Promise<Error> {
  for (let steps = 10; steps < 10_000; steps = Math.ceil(steps * 1.2)) {
    const error = await failureOf(optionsOf(seed, steps))
    if (error !== undefined)
      return described(error, `SIM_SEED=${seed} SIM_RUNS=1 SIM_STEPS=${steps}`)
  }
  return new Error(`Seed ${seed} failed, and not again: something is not from the seed`)
}

async function failureOf(options: SimulationOptions): Promise<SimulationError | undefined> {
  try {
    await simulate(options)
    return undefined
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
}

function described(error: SimulationError, variables: string): Error {
  return new Error(`${error.message}\nReplay it: ${variables} ${COMMAND}`, { cause: error.cause })
}

/** One seed, whole or cut short, as a replay asks for it. */
export async function replay(seed: number, faultyStepsMax: number): Promise<SimulationReport> {
  return await simulate(optionsOf(seed, faultyStepsMax))
}
