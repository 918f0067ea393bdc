import { mkdtemp } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { JobView } from '@firn/contracts'
import { isFinished, MIB } from '@firn/core'
import {
  createApiClient,
  createFileOutput,
  neutralVariables,
  type ServiceKind,
  type Stack,
  startStack,
} from '@firn/stack'
import { cpuSecondsOf } from './process-costs.ts'
import type { BenchContext } from './section.ts'

export const VAULT = 'bench'
const POLL_MS = 100

export type CpuSeconds = Readonly<Record<ServiceKind, number>>

export interface Run {
  readonly job: JobView
  /** From the acceptance of the POST to `archived`, by the service's own clock. */
  readonly seconds: number
  readonly mibPerSecond: number
  /** What each kind of process spent meanwhile. */
  readonly cpu: CpuSeconds
}

export interface BenchStack extends AsyncDisposable {
  readonly stack: Stack
  /** POSTs one job and waits until it is archived. */
  readonly archive: (
    input: { readonly file: string; readonly partSizeBytes: number },
    signal: AbortSignal,
  ) => Promise<Run>
  readonly submit: (
    input: { readonly file: string; readonly partSizeBytes: number },
    signal: AbortSignal,
  ) => Promise<JobView>
  readonly untilArchived: (id: string, signal: AbortSignal) => Promise<JobView>
  readonly cpu: () => CpuSeconds
}

/** A whole Firn, each service a process of its own, with its data in the scratch directory. */
export async function openBenchStack(
  options: {
    readonly context: Pick<BenchContext, 'scratch' | 'cpuProfileDir'>
    readonly workerCount: number
    /** The URL of a sink, or null for the stack's own vault. */
    readonly sinkUrl: string | null
    readonly workerEnv?: Readonly<Record<string, string>>
  },
  signal: AbortSignal,
): Promise<BenchStack> {
  const { scratch, cpuProfileDir } = options.context
  const dataDir = await mkdtemp(join(scratch, 'stack-'))
  const stack = await startStack(
    {
      dataDir,
      workerCount: options.workerCount,
      sourceRoots: [scratch],
      ports: { api: 0, vault: 0 },
      redisUrl: null,
      glacier: options.sinkUrl === null ? 'vault' : 'environment',
      restart: false,
      env: {
        ...neutralVariables(process.env),
        ...sinkVariables(options.sinkUrl),
        ...profileVariables(cpuProfileDir),
      },
      envByKind: { worker: options.workerEnv ?? {} },
      output: createFileOutput(join(dataDir, 'logs')),
    },
    signal,
  )
  await using resources = new AsyncDisposableStack()
  resources.use(stack)
  const api = createApiClient({ url: stack.apiUrl, token: stack.apiToken })
  if (options.sinkUrl === null) await api.createVault(VAULT, signal)
  const submit: BenchStack['submit'] = ({ file, partSizeBytes }, at) => {
    const source = { type: 'file', path: file } as const
    return api.createJob({ vault: VAULT, source, partSize: partSizeBytes }, at)
  }
  const untilArchived: BenchStack['untilArchived'] = async (id, at) => {
    for (;;) {
      const job = await api.getJob(id, at)
      if (job.state === 'archived') return job
      if (isFinished(job.state)) throw new Error(`Job ${id} ${job.state}: ${job.error?.message}`)
      await sleep(POLL_MS, undefined, { signal: at })
    }
  }
  const owned = resources.move()
  return {
    stack,
    submit,
    untilArchived,
    cpu: () => cpuOf(stack),
    async archive(input, at) {
      const before = cpuOf(stack)
      const job = await untilArchived((await submit(input, at)).id, at)
      const after = cpuOf(stack)
      const seconds = secondsOf(job)
      const mibPerSecond = (job.size ?? 0) / MIB / seconds
      return { job, seconds, mibPerSecond, cpu: difference(after, before) }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** What Firn itself spent: the server it uploads to is another's. */
export function ownCpuSeconds({ api, redis, worker, finalizer }: CpuSeconds): number {
  return api + redis + worker + finalizer
}

function secondsOf({ createdAt, finishedAt }: JobView): number {
  return (Date.parse(finishedAt ?? '') - Date.parse(createdAt)) / 1000
}

function cpuOf(stack: Stack): CpuSeconds {
  const seconds = { api: 0, redis: 0, worker: 0, finalizer: 0, vault: 0 }
  for (const { kind, pid } of stack.processes()) seconds[kind] += cpuSecondsOf(pid)
  return seconds
}

function difference(after: CpuSeconds, before: CpuSeconds): CpuSeconds {
  return {
    api: after.api - before.api,
    redis: after.redis - before.redis,
    worker: after.worker - before.worker,
    finalizer: after.finalizer - before.finalizer,
    vault: after.vault - before.vault,
  }
}

function profileVariables(directory: string | null): Readonly<Record<string, string>> {
  if (directory === null) return {}
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${resolve(directory)}` }
}

function sinkVariables(sinkUrl: string | null): Readonly<Record<string, string>> {
  if (sinkUrl === null) return {}
  return {
    AWS_ENDPOINT_URL_GLACIER: sinkUrl,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench-secret',
  }
}
