import { type JobId, MIB } from '@firn/core'
import {
  abortUpload,
  acceptJob,
  commandJob,
  createSweeper,
  finalizeJob,
  type JobCommand,
  openJob,
  recoverJobs,
  skipHeld,
  sweepOrphans,
  uploadPart,
} from '@firn/engine'
import type { RunContext } from '@firn/queue'
import type { Random } from './random.ts'
import type { SimProcess } from './scheduler.ts'
import type { SimDeps } from './sim-ports.ts'
import type { QueueJob, QueueModel } from './sim-queue.ts'

const { signal } = new AbortController()
const COMMANDS: readonly JobCommand[] = ['pause', 'resume', 'cancel', 'retry']

/** The processes that are there now; a crash replaces one by another of the same name. */
export interface Processes {
  readonly live: (name: string) => SimProcess
  readonly depsOf: (process: SimProcess) => SimDeps
}

/** Runs the queue job in one of the processes that take its kind. */
export function deliver(
  processes: Processes,
  queues: QueueModel,
  random: Random,
  job: QueueJob,
): void {
  const kind = job.queue === 'open' || job.queue === 'parts' ? 'worker' : 'finalizer'
  const process = processes.live(`${kind}${1 + random.below(2)}`)
  const deps = processes.depsOf(process)
  const handle = (run: RunContext): Promise<void> => {
    if (job.queue === 'open') return skipHeld(deps, openJob.bind(null, deps))(job.ref, run)
    if (job.queue === 'parts') return skipHeld(deps, uploadPart.bind(null, deps))(job.ref, run)
    if (job.queue === 'finalize') return finalizeJob(deps, job.ref, run)
    return abortUpload(deps, job.ref, run)
  }
  queues.start(job, process, handle)
}

/** A client that wants one archive and sends its request until it is accepted. */
export function post(processes: Processes, number: number, onAccepted: (id: JobId) => void): void {
  const request = {
    vault: 'v',
    source: { type: 'file', path: `/file${number}` },
    description: `file ${number}`,
    partSizeBytes: MIB,
    priority: 3,
    expected: { sizeBytes: null, sha256: null, sha256TreeHash: null },
    labels: {},
    idempotencyKey: `key${number}`,
  } as const
  const send = (): void => {
    acceptJob(processes.depsOf(processes.live('api')), request, signal).then(
      ({ stored }) => onAccepted(stored.job.definition.id),
      send,
    )
  }
  send()
}

/** Somebody asks something of a job, at any time; a refusal is an answer too. */
export function command(processes: Processes, random: Random, ids: readonly JobId[]): void {
  const id = ids[random.below(ids.length)]
  const name = COMMANDS[random.below(COMMANDS.length)]
  if (id !== undefined && name !== undefined) ask(processes, id, name)
}

export function ask(processes: Processes, id: JobId, name: JobCommand): void {
  const deps = processes.depsOf(processes.live('api'))
  commandJob(deps, id, name, signal).catch(() => undefined)
}

/** What a finalizer does by itself: one pass at a time, from the start after a crash. */
export function createHousekeeper(processes: Processes, name: string): () => void {
  let mine: SimProcess | undefined
  let passes: readonly (() => Promise<unknown>)[] = []
  let isBusy = false
  let turn = 0
  return () => {
    const process = processes.live(name)
    if (process !== mine) {
      mine = process
      isBusy = false
      const deps = processes.depsOf(process)
      const sweeper = createSweeper(deps)
      const sweep = () => sweeper.sweep(signal)
      const recover = () => recoverJobs(deps, { isDryRun: false }, signal)
      passes = [recover, sweep, sweep, () => sweepOrphans(deps, signal)]
    }
    const pass = passes[turn % passes.length]
    if (isBusy || pass === undefined) return
    isBusy = true
    turn += 1
    const over = () => {
      if (process === mine) isBusy = false
    }
    pass().then(over, over)
  }
}
