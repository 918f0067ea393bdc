import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { WORKER_CONCURRENCY_MAX } from '@firn/core'
import type { OpenDeps, PartDeps } from '@firn/engine'
import { createGlacier } from '@firn/glacier'
import { openHashPool } from '@firn/hashing'
import { openJournal } from '@firn/journal'
import { createJobQueues } from '@firn/queue'
import { openCheckedRedis, type RedisConnection, readMemory } from '@firn/redis'
import {
  createMetrics,
  type Logger,
  observeGlacier,
  openProbeServer,
  reportJobs,
  runService,
} from '@firn/runtime'
import { createSources } from '@firn/sources'
import {
  createRedisControlStore,
  createRedisJobStore,
  type JobStore,
  observeJobs,
} from '@firn/store'
import { readWorkerConfig, type WorkerConfig } from './config.ts'
import { createJobWatcher } from './job-watch.ts'
import { type OpeningLimit, watchOpeningLimit } from './opening-limit.ts'
import { openWorkerConsumers } from './worker-consumers.ts'
import { openWorkerControls } from './worker-controls.ts'
import { createWorkerMetrics } from './worker-metrics.ts'

/** In a container the pid is always the same, and what was said of one that ended is not for the next. */
function nameWorker(): string {
  return `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`
}

function limitOpening(
  store: JobStore,
  redis: RedisConnection,
  { openJobsMax }: WorkerConfig,
  log: Logger,
): OpeningLimit {
  return watchOpeningLimit({
    ...{ store, openJobsMax, readMemory: (until) => readMemory(redis.client, until) },
    onChange: (reason) => log.info({ reason }, 'whether jobs are opened has changed'),
    onError: (err) => log.warn({ err }, 'trouble with redis'),
  })
}

await runService({ name: 'worker', env: process.env }, async ({ log, signal }) => {
  const config = readWorkerConfig(process.env)
  await using resources = new AsyncDisposableStack()
  const onError = (err: unknown): void => log.warn({ err }, 'trouble with redis')

  const registry = createMetrics()
  const onWarning = (warning: string): void => log.warn({ warning }, 'redis may lose jobs')
  const redis = resources.use(
    await openCheckedRedis(
      { url: config.redisUrl, role: 'worker', name: 'firn-worker', onOutage: onError, onWarning },
      signal,
    ),
  )
  const hashPool = resources.use(await openHashPool({ threads: config.hashThreads }))
  const store = observeJobs(createRedisJobStore({ redis: redis.client }), reportJobs(registry, log))
  const watcher = resources.use(createJobWatcher({ store, onError }))
  const workerName = nameWorker()
  const controls = resources.use(
    openWorkerControls({
      ...{ store: createRedisControlStore({ redis: redis.client }), workerName, onError },
      concurrency: config.concurrency,
    }),
  )
  const busyCount = (): number => parts.activeCount()
  const metrics = createWorkerMetrics(registry, { ...controls, busyCount })
  const deps: PartDeps & OpenDeps = {
    keepAliveMs: config.keepAliveMs,
    store,
    journal: resources.use(await openJournal(config.journalUrl, signal)),
    queues: resources.use(
      createJobQueues({ redis: redis.client, attempts: config.attempts, onError }),
    ),
    glacier: resources.use(
      createGlacier({
        onRequest: observeGlacier(registry),
        requestTimeoutMs: config.glacierTimeoutMs,
        // Concurrency may rise while it runs.
        maxSockets: WORKER_CONCURRENCY_MAX + config.openConcurrency,
      }),
    ),
    sources: createSources({
      roots: config.sourceRoots,
      hashPool,
      memoryBytes: config.memoryBytes,
    }),
    watchJob: watcher.watch,
    workerName,
    observe: metrics.observe,
    controls: controls.current,
    now: Date.now,
  }

  const opening = resources.use(limitOpening(store, redis, config, log))
  const parts = resources.use(openWorkerConsumers({ deps, config, redis, opening, metrics, log }))
  controls.drive(parts)
  const probes = resources.use(
    await openProbeServer({
      host: config.metricsHost,
      port: config.metricsPort,
      registry,
      checkReady: (deadline) => controls.checkDraining().then(() => redis.ping(deadline)),
      log,
    }),
  )
  log.info({ address: probes.address, port: probes.port }, 'listening')
  return resources.move()
})
