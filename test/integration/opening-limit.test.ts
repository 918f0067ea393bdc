import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultControls, newJob } from '@firn/core'
import { commandJob, type OpenDeps, type PartDeps } from '@firn/engine'
import { createMemoryJournal } from '@firn/journal'
import { createJobQueues } from '@firn/queue'
import { openRedis, readMemory } from '@firn/redis'
import { createLogger } from '@firn/runtime'
import { createRedisJobStore } from '@firn/store'
import { aDefinition, anUpload, startRedis, until } from '@firn/testing'
import { readWorkerConfig } from '../../services/worker/src/config.ts'
import { watchOpeningLimit } from '../../services/worker/src/opening-limit.ts'
import { openWorkerConsumers } from '../../services/worker/src/worker-consumers.ts'
import { rolledBackDeps } from './rolled-back-job.ts'

const { signal } = new AbortController()
const wait = { timeoutMs: 30_000 }
const JOB_COUNT = 40
const OPEN_JOBS_MAX = 3
const OPEN_CONCURRENCY = 2
const log = createLogger({ name: 'test', level: 'silent', isTerminal: false })

/** Redis, with jobs that wait to be opened, and a worker whose parts are never done. */
async function openScene() {
  const resources = new AsyncDisposableStack()
  const over = new AbortController()
  const server = resources.use(await startRedis())
  const redis = resources.use(await openRedis({ url: server.url, role: 'worker' }, signal))
  const store = createRedisJobStore({ redis: redis.client })
  const queues = resources.use(createJobQueues({ redis: redis.client }))
  const journal = createMemoryJournal()
  const deps: PartDeps & OpenDeps = {
    ...rolledBackDeps,
    ...{ store, journal, queues },
    controls: () => ({ ...defaultControls, windowParts: 2 }),
    glacier: {
      ...rolledBackDeps.glacier,
      initiateUpload: async () => ({ uploadId: 'upload-1' }),
      uploadPart: (_part, aborted) => untilAborted(AbortSignal.any([aborted, over.signal])),
    },
    sources: { ...rolledBackDeps.sources, inspect: async () => anUpload().pin },
  }
  const definitions = Array.from({ length: JOB_COUNT }, () => aDefinition())
  for (const definition of definitions) {
    await journal.putDefinition(definition, signal)
    await store.create(newJob(definition), signal)
    await queues.addOpen({ jobId: definition.id, generation: 1 }, 0, signal)
  }

  const reasons: (string | null)[] = []
  async function openWorker(): Promise<void> {
    const opening = resources.use(
      watchOpeningLimit({
        store,
        readMemory: (until) => readMemory(redis.client, until),
        openJobsMax: OPEN_JOBS_MAX,
        intervalMs: 20,
        onChange: (reason) => reasons.push(reason),
        onError: (error) => assert.fail(String(error)),
      }),
    )
    const env = { SOURCE_ROOTS: '/', WORKER_CONCURRENCY: '2' }
    const config = { ...readWorkerConfig(env), openConcurrency: OPEN_CONCURRENCY }
    const metrics = { observe: rolledBackDeps.observe, lockLost: () => undefined }
    const worker = resources.use(
      openWorkerConsumers({ deps, config, redis, opening, metrics, log }),
    )
    const timer = setInterval(() => worker.adjust({ isHeld: false, concurrency: 2 }), 20)
    resources.defer(() => clearInterval(timer))
  }
  return {
    ...{ deps, redis, reasons, openWorker },
    count: async () => await store.countByState(signal),
    uploading: async () =>
      (await store.list({ state: 'uploading', cursor: null, limit: JOB_COUNT }, signal)).items,
    async [Symbol.asyncDispose]() {
      over.abort(new Error('the test is over'))
      await resources.disposeAsync()
    },
  }
}

async function untilAborted(aborted: AbortSignal): Promise<never> {
  aborted.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  aborted.addEventListener('abort', () => reject(aborted.reason), { once: true })
  return await promise
}

describe('a worker over more jobs than may be open', { timeout: 120_000 }, () => {
  it('opens no more than that, and others once some have ended', async () => {
    await using scene = await openScene()
    await scene.openWorker()
    await scene.openWorker()
    await until(async () => (await scene.count()).uploading >= OPEN_JOBS_MAX, wait)
    await until(async () => scene.reasons.filter((reason) => reason !== null).length >= 2, wait)
    // Each slot of each worker may have begun one more before it looked.
    const bound = OPEN_JOBS_MAX - 1 + 2 * OPEN_CONCURRENCY
    for (let turn = 0; turn < 50; turn += 1) {
      const { uploading, queued } = await scene.count()
      assert.ok(uploading <= bound, `${uploading} are open`)
      assert.equal(uploading + queued, JOB_COUNT)
    }
    const before = (await scene.uploading()).map(({ job }) => job.definition.id)
    for (const id of before) await commandJob(scene.deps, id, 'cancel', signal)
    await until(async () => (await scene.count()).uploading >= OPEN_JOBS_MAX, wait)
    const after = await scene.uploading()
    assert.ok(after.every(({ job }) => !before.includes(job.definition.id)))
    assert.ok(after.length <= bound)
    assert.ok((await scene.count()).queued > 0)
  })

  it('opens none while Redis is nearly full, and begins once there is room', async () => {
    await using scene = await openScene()
    const { client } = scene.redis
    const { usedBytes } = await readMemory(client, signal)
    await client.call('CONFIG', 'SET', 'maxmemory', String(Math.round(usedBytes * 1.15)))
    await scene.openWorker()
    await until(async () => scene.reasons.length === 1, wait)
    assert.match(String(scene.reasons[0]), /Redis uses more than 90 % of its memory/)
    assert.equal((await scene.count()).queued, JOB_COUNT)
    await client.call('CONFIG', 'SET', 'maxmemory', String(usedBytes * 10))
    await until(async () => (await scene.count()).uploading > 0, wait)
    assert.equal(scene.reasons[1], null)
  })
})
