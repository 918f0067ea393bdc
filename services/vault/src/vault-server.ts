import { availableParallelism } from 'node:os'
import { probeHandler } from '@firn/runtime'
import type { Registry } from 'prom-client'
import { createAuthenticator } from './auth/authenticator.ts'
import { type Credential, readCredentialsFile } from './auth/credentials.ts'
import { createClock } from './clock.ts'
import type { VaultConfig } from './config.ts'
import { openControlServer } from './control/control-server.ts'
import { createFaultPlan } from './control/fault-plan.ts'
import { createRequestStats, type RequestStats } from './control/request-stats.ts'
import { createBlockPool } from './hashing/block-pool.ts'
import { createByteBudget } from './hashing/collector.ts'
import { openHashThreads } from './hashing/hash-threads.ts'
import { createIntake } from './hashing/intake.ts'
import { createEdge, type EdgeLog } from './http/edge.ts'
import { closeServer, createHttpServer, listen } from './http/server.ts'
import { createHandlers } from './operations/handlers.ts'
import { createRetrieval } from './retrieval.ts'
import { type DataDirectory, openDataDirectory } from './storage/data-directory.ts'
import { sweepVaults } from './storage/sweep.ts'
import { openVaultStore, type VaultStore } from './storage/vault-store.ts'
import { createVaultMetrics, type VaultMetrics } from './vault-metrics.ts'

/** Memory for bodies on their way to the disk; past it, each connection gets one chunk at a time. */
const INTAKE_BYTES = 64 * 1024 ** 2
/** Memory for archives on their way out, 1 MiB each. */
const OUTPUT_BLOCK_COUNT = 32
const HASH_THREAD_MAX = 8
const SWEEP_INTERVAL_MS = 60_000

export interface VaultServer extends AsyncDisposable {
  readonly address: string
  readonly port: number
  /** Null when there is none. */
  readonly controlPort: number | null
}

/** Opens the data directory and serves it. Disposing it lets requests in flight finish first. */
export async function openVaultServer(options: {
  readonly config: VaultConfig
  readonly registry: Registry
  readonly log: EdgeLog
  readonly stopping: AbortSignal
}): Promise<VaultServer> {
  const { config, registry, log } = options
  await using resources = new AsyncDisposableStack()
  const clock = createClock()
  const stats = createRequestStats()
  const faults = createFaultPlan()
  const metrics = createVaultMetrics(registry, stats)
  const directory = resources.use(await openDataDirectory({ path: config.dataDir, log }))
  const store = await openVaultStore({ directory, clock })
  const { intake, retrieval, threads } = createBodies({ config, directory, store, metrics, stats })
  resources.use(threads)
  const sweep = () => sweepVaults({ store, files: directory.files, clock, ...config })
  await sweep()
  resources.use(sweepRegularly(sweep, log))

  const edge = createEdge({
    handlers: createHandlers({ store, intake, retrieval, clock, config }),
    authenticator: createAuthenticator({
      region: config.region,
      credentials: await allCredentials(config),
    }),
    faults,
    metrics,
    log,
  })
  const probe = probeHandler({
    registry,
    stopping: options.stopping,
    checkReady: async () => directory.assertSound(),
  })
  const server = createHttpServer(async (req, res) => {
    if (!(await probe(req, res))) await edge.handle(req, res)
  }, log)
  const bound = await listen(server, config)
  resources.defer(() => closeServer(server))
  const controlPort =
    config.controlPort === null
      ? null
      : resources.use(
          await openControlServer({ port: config.controlPort, faults, stats, clock, sweep }),
        ).port
  const owned = resources.move()
  return { ...bound, controlPort, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** The ways of bytes onto the disk and off it. */
function createBodies(input: {
  readonly config: VaultConfig
  readonly directory: DataDirectory
  readonly store: VaultStore
  readonly metrics: VaultMetrics
  readonly stats: RequestStats
}) {
  const { config, directory, store } = input
  const threads = openHashThreads(Math.min(Math.max(availableParallelism(), 2), HASH_THREAD_MAX))
  const intake = createIntake({
    threads,
    budget: createByteBudget(INTAKE_BYTES),
    idleMaxMs: config.bodyIdleMs,
    onReceived: input.metrics.addReceivedBytes,
    onBegin: input.stats.beginPart,
    onFailure: directory.noteFailure,
    discard: store.discard,
  })
  const pool = createBlockPool(OUTPUT_BLOCK_COUNT)
  return { threads, intake, retrieval: createRetrieval({ store, threads, pool }) }
}

async function allCredentials(config: VaultConfig): Promise<readonly Credential[]> {
  const { credentials, credentialsFile } = config
  if (credentialsFile === null) return credentials
  return [...credentials, ...(await readCredentialsFile(credentialsFile))]
}

function sweepRegularly(sweep: () => Promise<void>, log: EdgeLog): AsyncDisposable {
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(sweep)
      .catch((error: unknown) => log.error({ err: error }, 'the sweep failed'))
  }, SWEEP_INTERVAL_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
