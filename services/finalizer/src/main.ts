import { defaultControls } from '@firn/core'
import { abortUpload, type FinalizeDeps, finalizeJob } from '@firn/engine'
import { createGlacier } from '@firn/glacier'
import { openJournal } from '@firn/journal'
import {
  type ConsumerOptions,
  createJobQueues,
  type FailedRun,
  openConsumer,
  reportFailures,
} from '@firn/queue'
import { openCheckedRedis } from '@firn/redis'
import {
  countLocksLost,
  createMetrics,
  observeGlacier,
  openProbeServer,
  reportJobs,
  runService,
  watchValue,
} from '@firn/runtime'
import { createRedisControlStore, createRedisJobStore, observeJobs } from '@firn/store'
import { readFinalizerConfig } from './config.ts'
import { createFinalizerMetrics } from './finalizer-metrics.ts'
import { startHousekeeping } from './housekeeping.ts'

const CONTROLS_INTERVAL_MS = 1000

function handlersOver(
  deps: FinalizeDeps,
  onFailure: (failed: FailedRun) => void,
): ConsumerOptions['handlers'] {
  return {
    queue: 'finalize',
    finalize: reportFailures((ref, run) => finalizeJob(deps, ref, run), onFailure),
    abort: reportFailures((ref, run) => abortUpload(deps, ref, run), onFailure),
  }
}

await runService({ name: 'finalizer', env: process.env }, async ({ log, signal }) => {
  const config = readFinalizerConfig(process.env)
  await using resources = new AsyncDisposableStack()
  const onError = (err: unknown): void => log.warn({ err }, 'trouble with redis')

  const registry = createMetrics()
  const onWarning = (warning: string): void => log.warn({ warning }, 'redis may lose jobs')
  const redis = resources.use(
    await openCheckedRedis(
      {
        url: config.redisUrl,
        role: 'worker',
        name: 'firn-finalizer',
        onOutage: onError,
        onWarning,
      },
      signal,
    ),
  )
  const glacier = resources.use(
    createGlacier({
      onRequest: observeGlacier(registry),
      requestTimeoutMs: config.glacierTimeoutMs,
      longTimeoutMs: config.completeTimeoutMs,
    }),
  )
  const queues = resources.use(
    createJobQueues({ redis: redis.client, attempts: config.attempts, onError }),
  )
  const { load: read } = createRedisControlStore({ redis: redis.client })
  const controls = resources.use(
    watchValue({ initial: defaultControls, read, intervalMs: CONTROLS_INTERVAL_MS, onError }),
  )
  const deps: FinalizeDeps = {
    store: observeJobs(createRedisJobStore({ redis: redis.client }), reportJobs(registry, log)),
    journal: resources.use(await openJournal(config.journalUrl, signal)),
    queues,
    glacier,
    inventories: glacier,
    inventoryMarginMs: config.inventoryMarginMs,
    inventoryPatienceMs: config.inventoryPatienceMs,
    region: await glacier.region(),
    controls: controls.current,
    now: Date.now,
  }

  const onFailure = (failed: FailedRun): void => log.warn(failed, 'run will be repeated')
  const handlers = handlersOver(deps, onFailure)
  const onLockLost = countLocksLost(registry)
  resources.use(openConsumer({ ...config, redis: redis.client, handlers, onLockLost, onError }))
  const housekeeping = resources.use(
    startHousekeeping({ ...deps, vaults: glacier }, { config, redis: redis.client, log }),
  )
  createFinalizerMetrics(registry, { ...config, queues, redis, housekeeping, signal })
  const probes = resources.use(
    await openProbeServer({
      host: config.metricsHost,
      port: config.metricsPort,
      registry,
      checkReady: (deadline) => redis.ping(deadline),
      log,
    }),
  )
  log.info({ address: probes.address, port: probes.port }, 'listening')
  return resources.move()
})
