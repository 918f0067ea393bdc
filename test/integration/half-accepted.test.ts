import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, defaultControls } from '@firn/core'
import { acceptJob, commandJob, createSweeper, recoverJobs } from '@firn/engine'
import type { Glacier } from '@firn/glacier'
import { createMemoryJournal } from '@firn/journal'
import type { JobQueues, JobRef } from '@firn/queue'
import { openRedis } from '@firn/redis'
import { createMemoryJobStore, createRedisJobStore, type JobStore } from '@firn/store'
import { aDefinition } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const { signal } = new AbortController()
const redisUrl = useRedis()

/** Queues that remember which jobs were announced to be opened. */
function openQueues() {
  const opened: string[] = []
  const ignore = async (): Promise<void> => {}
  const queues: JobQueues = {
    addOpen: async ({ jobId }: JobRef) => void opened.push(jobId),
    addParts: ignore,
    addFinalize: ignore,
    changePriority: ignore,
    addAbort: ignore,
  }
  return { queues, opened }
}

const refuse = () => Promise.reject(new Error('not to be called'))
const glacier: Glacier = {
  initiateUpload: refuse,
  uploadPart: refuse,
  completeUpload: refuse,
  abortUpload: refuse,
  listParts: () => assert.fail('not to be called'),
  listUploads: () => assert.fail('not to be called'),
}

function depsOver(store: JobStore) {
  const { queues, opened } = openQueues()
  const journal = createMemoryJournal()
  const randomBytes = (count: number) => new Uint8Array(count)
  const controls = () => defaultControls
  const deps = { store, journal, queues, glacier, controls, now: Date.now, randomBytes }
  return { deps, opened }
}

function aRequest() {
  const { id: _id, createdAtMs: _at, ...asked } = aDefinition()
  return { ...asked, idempotencyKey: 'key' }
}

describe('a job that was accepted half-way', () => {
  it('is found by recovery when its writer died before it was indexed', async () => {
    await using redis = await openRedis({ url: await redisUrl(), role: 'producer' }, signal)
    const { deps, opened } = depsOver(createRedisJobStore({ redis: redis.client }))
    const { stored } = await acceptJob(deps, aRequest(), signal)
    const { id } = stored.job.definition
    const [...keys] = await redis.client.keys('*')
    const others = keys.filter((key) => !key.includes(id))
    assert.ok(others.length > 0, 'the index has keys of its own')
    await redis.client.del(...others)
    await recoverJobs(deps, { isDryRun: false }, signal)
    opened.length = 0
    const { sweep } = createSweeper(deps)
    await sweep(signal)
    assert.deepEqual(await sweep(signal).then(({ due, nudged }) => ({ due, nudged })), {
      due: 1,
      nudged: 1,
    })
    assert.deepEqual(opened, [id])
  })

  it('is listed again by recovery, though it has ended, unless the store is known to be whole', async () => {
    await using redis = await openRedis({ url: await redisUrl(), role: 'producer' }, signal)
    await redis.client.flushall()
    const { deps } = depsOver(createRedisJobStore({ redis: redis.client }))
    const { stored } = await acceptJob(deps, aRequest(), signal)
    const { id } = stored.job.definition
    await commandJob(deps, id, 'cancel', signal)
    const cancelled = await deps.store.load(id, signal)
    assert.ok(cancelled?.job.progress.state === 'cancelled')
    const progress = { ...cancelled.job.progress, fate: 'gone' } as const
    await deps.store.save({ ...cancelled.job, progress }, cancelled.version, signal)
    const countCancelled = async () => (await deps.store.countByState(signal)).cancelled
    const loseIndex = async () => {
      const others = (await redis.client.keys('*')).filter((key) => !key.includes(id))
      await redis.client.del(...others.filter((key) => key !== 'firn:mark'))
      assert.equal(await countCancelled(), 0)
    }
    await loseIndex()
    await recoverJobs(deps, { isDryRun: true }, signal)
    assert.equal(await countCancelled(), 0)
    await recoverJobs(deps, { isDryRun: false }, signal)
    assert.equal(await countCancelled(), 1)
    await loseIndex()
    await recoverJobs(deps, { isDryRun: false }, signal)
    assert.equal(await countCancelled(), 0, 'the mark says that nothing was lost')
  })

  it('is not journaled at all while the store is away, with a key and without', async () => {
    const { deps } = depsOver(createMemoryJobStore())
    const away = async () => Promise.reject(new AppError('STORE_UNAVAILABLE', 'away'))
    const store = { ...deps.store, load: away, create: away }
    for (const idempotencyKey of [null, 'key']) {
      const request = { ...aRequest(), idempotencyKey }
      const refused = acceptJob({ ...deps, store }, request, signal)
      await assert.rejects(refused, { code: 'STORE_UNAVAILABLE' })
    }
    assert.deepEqual(await Array.fromAsync(deps.journal.jobIds(signal)), [])
  })

  it('is announced again when its request is sent again', async () => {
    const { deps, opened } = depsOver(createMemoryJobStore())
    const first = await acceptJob(deps, aRequest(), signal)
    opened.length = 0
    const second = await acceptJob(deps, aRequest(), signal)
    assert.equal(second.isReplay, true)
    assert.deepEqual(opened, [first.stored.job.definition.id])
  })

  it('is not begun again after Redis lost it, if the journal says how it ended', async () => {
    const { deps } = depsOver(createMemoryJobStore())
    const { stored } = await acceptJob(deps, aRequest(), signal)
    const { id: jobId } = stored.job.definition
    await deps.journal.putCancel({ jobId, generation: 1, cancelledAtMs: 7 }, signal)
    const emptied = { ...deps, store: createMemoryJobStore() }
    const again = await acceptJob(emptied, aRequest(), signal)
    assert.equal(again.stored.job.progress.state, 'cancelled')
  })
})
