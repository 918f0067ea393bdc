import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import {
  createApiClient,
  createFileOutput,
  neutralVariables,
  type Stack,
  startStack,
} from '@firn/stack'
import { type RedisServer, startRedis } from '@firn/testing'
import { Redis } from 'ioredis'
import { type ChaosProxy, openChaosProxy } from './chaos-proxy.ts'
import { type GlacierGate, openGlacierGate } from './glacier-gate.ts'
import type { GlacierAccess } from './glacier-view.ts'

/** As short as the services allow, so that what takes half a minute in production takes seconds. */
const QUICK = {
  LOCK_DURATION_MS: '2000',
  STALLED_INTERVAL_MS: '500',
  SWEEP_INTERVAL_MS: '500',
  RECOVER_INTERVAL_MS: '1000',
  ORPHAN_INTERVAL_MS: '1000',
  ORPHAN_GRACE_MS: '1000',
  INVENTORY_MARGIN_MS: '0',
  RETRY_BASE_MS: '100',
  RETRY_CAP_MS: '2000',
  WORKER_CONCURRENCY: '3',
  // Every list has several pages.
  VAULT_PAGE_MAX: '3',
}
const START_MAX_MS = 120_000
export const WAIT_MAX_MS = 120_000

export interface WorldOptions {
  readonly workerCount?: number
  /** Where the vault keeps its data; a small file system, for instance. */
  readonly vaultDirectory?: string
  /** Where Redis keeps its data; a disk that loses power, for instance. */
  readonly redisDirectory?: string
  /** A Redis that others look after, as Sentinels do, and where every process finds it. */
  readonly redis?: { readonly server: RedisServer; readonly url: string }
  /** Where the journal is; a small file system, for instance. */
  readonly journalDirectory?: string
  /** Settings of the services besides the quick ones. */
  readonly env?: Readonly<Record<string, string>>
}

/** A whole Firn of real processes, with everything between them in our hands. */
export interface World extends AsyncDisposable {
  readonly stack: Stack
  readonly glacier: GlacierAccess
  /** Between workers and finalizers and the vault. */
  readonly gate: GlacierGate
  /** Advances the vault's clock, on which its uploads expire. */
  readonly advanceClock: (ms: number) => Promise<void>
  readonly redis: RedisServer
  /** Between the API and Redis. */
  readonly apiRedis: ChaosProxy
  /** Between workers and finalizers and Redis. */
  readonly fleetRedis: ChaosProxy
  /** Between worker-1, and nobody else, and the two above. */
  readonly loneRedis: ChaosProxy
  readonly loneGlacier: ChaosProxy
  readonly journalDirectory: string
  readonly filesDirectory: string
  /** One command to Redis itself, past all proxies. */
  readonly tellRedis: (command: string, ...args: readonly string[]) => Promise<void>
  /** Signals the process of that name; returns its pid. */
  readonly signal: (name: string, signal: NodeJS.Signals) => number
  /** Waits until a process other than `pid` bears the name and is ready. */
  readonly untilBack: (name: string, pid: number) => Promise<void>
  readonly createVault: (name: string) => Promise<void>
  /** The lines that the process of that name wrote. */
  readonly logFile: (name: string) => string
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  await using resources = new AsyncDisposableStack()
  const path = await mkdtemp(join(tmpdir(), 'firn-faults-'))
  // FAULT_KEEP leaves the logs for whoever looks into a failure.
  if (process.env.FAULT_KEEP === undefined) {
    resources.defer(() => rm(path, { recursive: true, force: true }))
  }
  const filesDirectory = join(path, 'files')
  await mkdir(filesDirectory)
  const controlPort = await freePort()
  const { redis, gate, proxies, urls } = resources.use(await openRoutes(options))
  const journalDirectory = options.journalDirectory ?? join(path, 'data', 'journal')
  const stack = resources.use(
    await startStack(
      {
        dataDir: join(path, 'data'),
        workerCount: options.workerCount ?? 2,
        finalizerCount: 2,
        sourceRoots: [filesDirectory],
        ports: { api: 0, vault: 0 },
        redisUrl: urls.api,
        glacier: 'vault',
        restart: true,
        restartDelayMaxMs: 250,
        env: {
          ...{ ...neutralVariables(process.env), ...QUICK, ...options.env },
          JOURNAL_URL: pathToFileURL(journalDirectory).href,
        },
        envByKind: {
          ...{ worker: urls.fleet, finalizer: urls.fleet },
          vault: {
            VAULT_CONTROL_PORT: String(controlPort),
            ...(options.vaultDirectory && { VAULT_DATA_DIR: options.vaultDirectory }),
          },
        },
        envByName: { 'worker-1': urls.lone },
        output: createFileOutput(join(path, 'logs')),
      },
      AbortSignal.timeout(START_MAX_MS),
    ),
  )
  if (stack.vault === null) throw new Error('The stack has no vault')
  gate.leadTo(stack.vault.endpoint)
  // What is frozen does not end when it is told to.
  resources.defer(() => thaw(stack, redis))
  const owned = resources.move()
  return {
    ...{ stack, gate, redis, ...proxies, journalDirectory, filesDirectory },
    glacier: stack.vault,
    advanceClock: (ms) => advanceClock(controlPort, ms),
    createVault: (name) =>
      createApiClient({ url: stack.apiUrl, token: stack.apiToken }).createVault(
        name,
        AbortSignal.timeout(WAIT_MAX_MS),
      ),
    logFile: (name) => join(path, 'logs', `${name}.log`),
    tellRedis: (command, ...args) => tellRedis(redis.port, command, args),
    signal: (name, signal) => signalProcess(stack, name, signal),
    untilBack: (name, pid) => untilBack(stack, name, pid),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** All that lies between the processes, and how each reaches what it needs. */
async function openRoutes(options: WorldOptions) {
  await using resources = new AsyncDisposableStack()
  const dir = options.redisDirectory
  const start = async (): Promise<RedisServer> =>
    resources.use(await startRedis({ appendfsync: 'always', ...(dir && { dir }) }))
  const redis = options.redis?.server ?? (await start())
  const apiRedis = resources.use(await openChaosProxy(redis.port))
  const fleetRedis = resources.use(await openChaosProxy(redis.port))
  const loneRedis = resources.use(await openChaosProxy(fleetRedis.port))
  const gate = resources.use(await openGlacierGate())
  const loneGlacier = resources.use(await openChaosProxy(Number(new URL(gate.url).port)))
  const route = (proxy: ChaosProxy): string =>
    options.redis?.url ?? `redis://127.0.0.1:${proxy.port}`
  const urls = {
    api: route(apiRedis),
    fleet: { REDIS_URL: route(fleetRedis), AWS_ENDPOINT_URL_GLACIER: gate.url },
    lone: {
      REDIS_URL: route(loneRedis),
      AWS_ENDPOINT_URL_GLACIER: `http://127.0.0.1:${loneGlacier.port}`,
    },
  }
  const owned = resources.move()
  return {
    ...{ redis, gate, urls },
    proxies: { apiRedis, fleetRedis, loneRedis, loneGlacier },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function thaw(stack: Stack, redis: RedisServer): Promise<void> {
  for (const { pid, isRunning } of stack.processes()) if (isRunning) process.kill(pid, 'SIGCONT')
  await redis.kill('SIGCONT')
}

async function tellRedis(port: number, command: string, args: readonly string[]): Promise<void> {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.call(command, ...args)
  } finally {
    client.disconnect()
  }
}

async function advanceClock(port: number, advanceMs: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/clock`, {
    method: 'POST',
    body: JSON.stringify({ advanceMs }),
  })
  if (!response.ok) throw new Error(`The clock answers ${response.status}`)
}

/** It may be taken before the vault starts, which then says so. */
async function freePort(): Promise<number> {
  await using server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No TCP address')
  return address.port
}

function signalProcess(stack: Stack, name: string, signal: NodeJS.Signals): number {
  const found = stack.processes().find((one) => one.name === name)
  if (found === undefined) throw new Error(`No process is called ${name}`)
  if (found.isRunning) process.kill(found.pid, signal)
  return found.pid
}

async function untilBack(stack: Stack, name: string, pid: number): Promise<void> {
  const limit = AbortSignal.timeout(WAIT_MAX_MS)
  for (;;) {
    const found = stack.processes().find((one) => one.name === name)
    if (found !== undefined && found.pid !== pid && found.isRunning) {
      const response = await fetch(`${found.url}/readyz`, { signal: limit }).catch(() => undefined)
      await response?.body?.cancel()
      if (response?.ok) return
    }
    await sleep(25, undefined, { signal: limit })
  }
}
