import { isFinished, type Job, type JobId, MIB, toAppError } from '@firn/core'
import {
  abortUpload,
  acceptJob,
  commandJob,
  createSweeper,
  createUploadKeeper,
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

/** What clients were told, and asked for: what Firn is held to at the end. */
export interface Witness {
  readonly accepted: Set<JobId>
  /** The first end of each job that was told to a client. */
  readonly told: Map<JobId, Job>
  /** Jobs of which a client asked something that may undo a failure. */
  readonly retried: Set<JobId>
  /** Failures that nobody foresees: each is a bug. */
  readonly bugs: unknown[]
}

/** Runs the queue job in one of the processes that take its kind, unless that one has stopped. */
export function deliver(
  { processes, witness }: { readonly processes: Processes; readonly witness: Witness },
  queues: QueueModel,
  random: Random,
  job: QueueJob,
): void {
  const kind = job.queue === 'open' || job.queue === 'parts' ? 'worker' : 'finalizer'
  const process = processes.live(`${kind}${1 + random.below(2)}`)
  if (process.isPaused) return
  const deps = processes.depsOf(process)
  const handle = (run: RunContext): Promise<void> => {
    if (job.queue === 'open') return skipHeld(deps, openJob.bind(null, deps))(job.ref, run)
    if (job.queue === 'parts') return skipHeld(deps, uploadPart.bind(null, deps))(job.ref, run)
    if (job.queue === 'finalize') return finalizeJob(deps, job.ref, run)
    return abortUpload(deps, job.ref, run)
  }
  queues.start(job, process, (run) => reportBugs(witness, handle(run)))
}

async function reportBugs<T>({ bugs }: Witness, work: Promise<T>): Promise<T> {
  return await work.catch((error: unknown) => {
    if (toAppError(error).code === 'INTERNAL') bugs.push(error)
    throw error
  })
}

/** A client that wants one archive and sends its request until it is accepted. */
export function post(processes: Processes, number: number, witness: Witness): void {
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
    const asked = acceptJob(processes.depsOf(processes.live('api')), request, signal)
    reportBugs(witness, asked).then(({ stored: { job } }) => {
      witness.accepted.add(job.definition.id)
      tell(witness, job)
    }, send)
  }
  send()
}

/** Somebody asks something of a job, at any time; a refusal is an answer too. */
export function command(processes: Processes, random: Random, witness: Witness): void {
  const id = anyOf(random, witness)
  const name = COMMANDS[random.below(COMMANDS.length)]
  if (id !== undefined && name !== undefined) ask(processes, id, name, witness)
}

export function ask(processes: Processes, id: JobId, name: JobCommand, witness: Witness): void {
  if (name === 'retry' || name === 'cancel') witness.retried.add(id)
  const deps = processes.depsOf(processes.live('api'))
  reportBugs(witness, commandJob(deps, id, name, signal)).then(
    ({ job }) => tell(witness, job),
    () => undefined,
  )
}

/** Somebody looks how far a job is. */
export function look(processes: Processes, random: Random, witness: Witness): void {
  const id = anyOf(random, witness)
  if (id === undefined) return
  const { store } = processes.depsOf(processes.live('api'))
  store.load(id, signal).then(
    (stored) => stored && tell(witness, stored.job),
    () => undefined,
  )
}

function anyOf(random: Random, { accepted }: Witness): JobId | undefined {
  return [...accepted][random.below(accepted.size)]
}

function tell({ told, retried }: Witness, job: Job): void {
  const { id } = job.definition
  const before = told.get(id)?.progress.state
  if (!isFinished(job.progress.state) || before === 'archived' || before === 'cancelled') return
  if (before === undefined || retried.has(id)) told.set(id, job)
}

/** What a finalizer does by itself: one pass at a time, from the start after a crash. */
export function createHousekeeper(
  processes: Processes,
  name: string,
  witness: Witness,
): () => void {
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
      const keeper = createUploadKeeper(deps)
      const sweep = () => sweeper.sweep(signal)
      const recover = () => recoverJobs(deps, { isDryRun: false }, signal)
      const keep = () => keeper.look(signal)
      passes = [recover, sweep, keep, sweep, () => sweepOrphans(deps, signal)]
    }
    const pass = passes[turn % passes.length]
    if (isBusy || pass === undefined || process.isPaused) return
    isBusy = true
    turn += 1
    const over = () => {
      if (process === mine) isBusy = false
    }
    reportBugs(witness, pass()).then(over, over)
  }
}
