import { randomBytes } from 'node:crypto'
import { defaultControls } from '@firn/core'
import { createGlacier } from '@firn/glacier'
import { openJournal } from '@firn/journal'
import { createJobQueues } from '@firn/queue'
import { openCheckedRedis, type RedisClient, readMemory } from '@firn/redis'
import { createMetrics, observeGlacier, reportJobs, runService, watchValue } from '@firn/runtime'
import { createRedisControlStore, createRedisJobStore, observeJobs } from '@firn/store'
import { watchAdmission } from './admission.ts'
import { openApi } from './api.ts'
import { BOARD_PATH } from './board-handler.ts'
import { readApiConfig } from './config.ts'
import { createLazy } from './lazy.ts'
import { readTokens } from './read-tokens.ts'

const CONTROLS_INTERVAL_MS = 1000

/** Imported when somebody looks: it takes a tenth of a second and memory that most never need. */
async function loadBoard(redis: RedisClient) {
  const { createBoard } = await import('@firn/board')
  return createBoard({ redis, basePath: BOARD_PATH })
}

await runService({ name: 'api', env: process.env }, async ({ log, signal }) => {
  const config = readApiConfig(process.env)
  const tokens = await readTokens(config)
  await using resources = new AsyncDisposableStack()

  const registry = createMetrics()
  const onOutage = (error: unknown): void => log.warn({ err: error }, 'redis is away')
  const onWarning = (warning: string): void => log.warn({ warning }, 'redis may lose jobs')
  const redis = resources.use(
    await openCheckedRedis(
      { url: config.redisUrl, role: 'producer', name: 'firn-api', onOutage, onWarning },
      signal,
    ),
  )
  const journal = resources.use(await openJournal(config.journalUrl, signal))
  const queues = resources.use(createJobQueues({ redis: redis.client, attempts: config.attempts }))
  const glacier = resources.use(createGlacier({ onRequest: observeGlacier(registry) }))
  if (config.sourceRoots.length === 0) log.warn('SOURCE_ROOTS is not set: every file is refused')

  const controlStore = createRedisControlStore({ redis: redis.client })
  const controls = resources.use(
    watchValue({
      initial: defaultControls,
      read: controlStore.load,
      intervalMs: CONTROLS_INTERVAL_MS,
      onError: onOutage,
    }),
  )
  const board = resources.use(createLazy(() => loadBoard(redis.client)))
  const store = observeJobs(createRedisJobStore({ redis: redis.client }), reportJobs(registry, log))
  const server = resources.use(
    await openApi({
      ...config,
      tokens,
      registry,
      store,
      journal,
      queues,
      controls: controls.current,
      controlStore,
      vaults: glacier,
      glacier,
      loadBoard: board.get,
      admission: resources.use(
        watchAdmission({
          readMemory: (until) => readMemory(redis.client, until),
          countQueued: async (until) => (await store.countByState(until)).queued,
          onError: onOutage,
        }),
      ),
      now: Date.now,
      randomBytes,
      async checkReady(deadline) {
        await Promise.all([redis.ping(deadline), journal.ping(deadline)])
      },
      log,
      stopping: signal,
      // Short of the 5 s that clients are promised; Glacier is further away.
      deadlines: { requestMs: 4000, glacierMs: 15_000 },
    }),
  )
  log.info({ address: server.address, port: server.port }, 'listening')
  return resources.move()
})
