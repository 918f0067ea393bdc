import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { AppError, type Job, type JobId, type Progress } from '@firn/core'
import { openRedis, type RedisConnection } from '@firn/redis'
import { createRedisJobStore, type JobStore } from '@firn/store'
import { aDefinition, aJob, anUpload, startRedis } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis({ appendfsync: 'always' })
const uploading: Progress = { state: 'uploading', generation: 1, upload: anUpload() }
const paused: Progress = { ...uploading, state: 'paused', isOpening: false }

describe('the Redis job store', { timeout: 120_000 }, () => {
  let connection: RedisConnection
  let store: JobStore

  before(async () => {
    connection = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
    store = createRedisJobStore({ redis: connection.client })
  })
  beforeEach(async () => {
    await connection.client.flushall()
  })
  after(async () => {
    await connection[Symbol.asyncDispose]()
  })

  const idsDue = async (): Promise<JobId[]> => {
    const { items } = await store.listDue({ cursor: null, limit: 10 }, never)
    return items.map(({ job }) => job.definition.id)
  }

  /** Saves as a writer does that dies before it reaches the index. */
  const saveWithoutIndex = async (id: JobId, job: Job, version: number): Promise<void> => {
    const { state } = job.progress
    const fields = { job: JSON.stringify(job), version, state }
    await connection.client.hset(`firn:{${id}}`, fields)
  }

  it('goes on after a SCRIPT FLUSH', async () => {
    const job = aJob()
    const { id } = job.definition
    await store.create(job, never)
    await connection.client.script('FLUSH')
    assert.equal(await store.save({ ...job, progress: uploading }, 1, never), true)
    await connection.client.script('FLUSH')
    assert.deepEqual(await store.openParts({ jobId: id, generation: 1 }, 2, never), [0, 1])
  })

  it('rejects once, and leaves no other rejection behind, when Redis is gone', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): number => unhandled.push(reason)
    const job = aJob({ progress: uploading })
    const ref = { jobId: job.definition.id, generation: 1, partCount: 3 }
    await store.create(job, never)
    await using gone = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
    const away = createRedisJobStore({ redis: gone.client })
    gone.client.disconnect()
    process.on('unhandledRejection', note)
    try {
      await assert.rejects(away.loadParts(ref, never), { code: 'STORE_UNAVAILABLE' })
      await assert.rejects(away.unfinishedParts(ref, 5, never), { code: 'STORE_UNAVAILABLE' })
      await setImmediate()
    } finally {
      process.off('unhandledRejection', note)
    }
    assert.deepEqual(unhandled, [])
  })

  it('indexes a job whose writer died between save and index', async () => {
    const job = aJob()
    const { id } = job.definition
    await store.create(job, never)
    await saveWithoutIndex(id, { ...job, progress: uploading }, 2)
    assert.equal((await store.countByState(never)).queued, 1)
    await store.reindex(id, never)
    const counts = await store.countByState(never)
    assert.deepEqual([counts.queued, counts.uploading], [0, 1])
    const page = await store.list({ state: 'uploading', cursor: null, limit: 10 }, never)
    assert.deepEqual(
      page.items.map((item) => item.job.definition.id),
      [id],
    )
  })

  it('lists no job under a state that it has left, and heals the index on the way', async () => {
    const job = aJob()
    const { id } = job.definition
    await store.create(job, never)
    await saveWithoutIndex(id, { ...job, progress: uploading }, 2)
    const queued = await store.list({ state: 'queued', cursor: null, limit: 10 }, never)
    assert.deepEqual(queued.items, [])
    assert.equal((await store.countByState(never)).uploading, 1)
  })

  it('never lets a late writer undo what a newer one indexed', async () => {
    await using late = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const indexing = Promise.withResolvers<void>()
    Object.assign(late.client, {
      async evalsha(...args: (string | number | Buffer)[]) {
        if (args.includes('firn:{index}:jobs')) {
          indexing.resolve()
          await released
        }
        return await late.client.call('EVALSHA', ...args)
      },
    })
    const job = aJob()
    await store.create(job, never)
    const lateSave = createRedisJobStore({ redis: late.client }).save(
      { ...job, progress: uploading },
      1,
      never,
    )
    await indexing.promise
    await store.save({ ...job, progress: paused }, 2, never)
    release()
    assert.equal(await lateSave, true)
    const counts = await store.countByState(never)
    assert.deepEqual([counts.uploading, counts.paused], [0, 1])
    assert.equal((await store.stateEvents('0', 10, never)).length, 2)
  })

  it('indexes a job anew whose shard of a cluster lost it, whatever the index remembers', async () => {
    const job = aJob()
    const { id } = job.definition
    await store.create(job, never)
    await store.save({ ...job, progress: uploading }, 1, never)
    await store.save({ ...job, progress: paused }, 2, never)
    await connection.client.del(await connection.client.keys(`firn:{${id}}*`))
    assert.equal(await store.create(job, never), true)
    assert.deepEqual(await idsDue(), [id])
    const counts = await store.countByState(never)
    assert.deepEqual([counts.queued, counts.paused], [1, 0])
    await store.save({ ...job, progress: uploading }, 1, never)
    assert.equal((await store.countByState(never)).uploading, 1)
  })

  it('follows a job whose shard lost its latest changes, once it is saved or indexed', async () => {
    const job = aJob()
    const { id } = job.definition
    await store.create(job, never)
    await store.save({ ...job, progress: uploading }, 1, never)
    for (const version of [2, 3, 4]) await store.save({ ...job, progress: paused }, version, never)
    await saveWithoutIndex(id, { ...job, progress: uploading }, 2)
    assert.deepEqual(await idsDue(), [])
    await store.reindex(id, never)
    assert.deepEqual(await idsDue(), [id])

    for (const version of [2, 3, 4]) await store.save({ ...job, progress: paused }, version, never)
    await saveWithoutIndex(id, { ...job, progress: paused }, 2)
    await store.save({ ...job, progress: uploading }, 2, never)
    assert.deepEqual(await idsDue(), [id])
    const counts = await store.countByState(never)
    assert.deepEqual([counts.uploading, counts.paused], [1, 0])
  })

  it('says that a record is damaged, and still lists the jobs beside it', async () => {
    const good = aJob({ definition: aDefinition({ createdAtMs: 1000 }) })
    const bad = aJob({ definition: aDefinition({ createdAtMs: 2000 }) })
    await store.create(good, never)
    await store.create(bad, never)
    const { id } = bad.definition
    await connection.client.hset(`firn:{${id}}`, 'job', '{"definition":{}}')
    await assert.rejects(store.load(id, never), { code: 'JOB_MALFORMED' })
    const page = await store.list({ state: null, cursor: null, limit: 10 }, never)
    assert.deepEqual(
      page.items.map((item) => item.job),
      [good],
    )
  })

  it('reads and lists a job whose trouble another version of Firn wrote', async () => {
    const job = aJob({ progress: uploading })
    const { id } = job.definition
    await store.create(job, never)
    const key = `firn:{${id}}`
    const shown = async () => {
      const { items } = await store.listDue({ cursor: null, limit: 10 }, never)
      assert.deepEqual(
        items.map((item) => item.job),
        [job],
      )
      return (await store.load(id, never))?.trouble
    }
    const novel = { code: 'NOVEL', message: 'new', isRetryable: true }
    await connection.client.hset(key, 'trouble', JSON.stringify(novel))
    assert.deepEqual(await shown(), { ...novel, code: 'INTERNAL' })
    for (const text of ['{"reason":"new"}', '{"code":', '']) {
      await connection.client.hset(key, 'trouble', text)
      assert.equal(await shown(), null)
    }
  })

  it('lists the jobs beside an entry of the index that is none', async () => {
    const job = aJob()
    await store.create(job, never)
    for (const key of ['firn:{index}:due', 'firn:{index}:jobs']) {
      assert.equal(await connection.client.exists(key), 1)
      await connection.client.zadd(key, 0, 'damaged')
    }
    assert.deepEqual(await idsDue(), [job.definition.id])
    const page = await store.list({ state: null, cursor: null, limit: 10 }, never)
    assert.equal(page.items.length, 1)
  })

  it('deletes the parts of a generation that is over', async () => {
    const job = aJob({ progress: uploading })
    const { id } = job.definition
    const ref = { jobId: id, generation: 1, index: 0 }
    await store.create(job, never)
    await store.beginPart(ref, { worker: 'ann', attempt: 1 }, never)
    const input = { treeHash: Buffer.alloc(32), sizeBytes: 1, window: 0, nowMs: 1 }
    await store.recordPart(ref, input, never)
    const progress: Progress = { state: 'queued', generation: 2, isOpening: false }
    await store.save({ ...job, progress }, 1, never)
    const keys = await connection.client.keys(`firn:{${id}}*`)
    assert.deepEqual(keys.sort(), [`firn:{${id}}`, `firn:{${id}}:workers`])
  })

  it('holds at most 100 bytes a part', async () => {
    const partCount = 10_000
    const upload = anUpload({ partCount })
    const job = aJob({ progress: { state: 'uploading', generation: 1, upload } })
    const { id } = job.definition
    await store.create(job, never)
    const indexes = Array.from({ length: partCount }, (_, index) => index)
    const treeHash = Buffer.alloc(32, 255)
    for (let start = 0; start < partCount; start += 500) {
      await Promise.all(
        indexes.slice(start, start + 500).map(async (index) => {
          const ref = { jobId: id, generation: 1, index }
          await store.beginPart(ref, { worker: `worker-${index % 16}`, attempt: 1 }, never)
          const input = { treeHash, sizeBytes: 2 ** 20, window: 32, nowMs: index }
          await store.recordPart(ref, input, never)
        }),
      )
    }
    const keys = await connection.client.keys(`firn:{${id}}*`)
    const sizes = await Promise.all(keys.map((key) => connection.client.memory('USAGE', key)))
    const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
    assert.ok(bytes / partCount <= 100, `${bytes / partCount} bytes a part`)
    assert.equal((await store.load(id, never))?.counts.uploadedParts, partCount)
  })
})

describe('the Redis job store, when Redis fails', { timeout: 120_000 }, () => {
  it('keeps every acknowledged change when Redis is killed', async () => {
    await using server = await startRedis({ appendfsync: 'always' })
    await using worker = await openRedis({ url: server.url, role: 'worker' }, never)
    const patient = createRedisJobStore({ redis: worker.client })
    const job = aJob({ progress: uploading })
    const ref = { jobId: job.definition.id, generation: 1 }
    await patient.create(job, never)
    const input = { treeHash: Buffer.alloc(32, 7), sizeBytes: 5, window: 2, nowMs: 1 }
    await patient.recordPart({ ...ref, index: 2 }, input, never)
    await server.kill('SIGKILL')
    const loading = patient.load(ref.jobId, never)
    await server.restart()
    const stored = await loading
    assert.deepEqual(stored?.job, job)
    assert.equal(stored?.counts.uploadedParts, 1)
    assert.equal((await patient.countByState(never)).uploading, 1)
    const again = await patient.recordPart({ ...ref, index: 2 }, input, never)
    assert.equal(again.outcome, 'already')
  })

  it('bears no mark that counts once Redis was restarted, or lost what it had meanwhile', async () => {
    await using server = await startRedis({ appendfsync: 'always' })
    await using worker = await openRedis({ url: server.url, role: 'worker' }, never)
    const patient = createRedisJobStore({ redis: worker.client })
    await patient.putMark(await patient.beginMark(never), never)
    assert.equal(await patient.hasMark(never), true)
    const before = await patient.beginMark(never)
    await server.kill('SIGKILL')
    await server.restart()
    assert.equal(await patient.hasMark(never), false)
    await patient.putMark(before, never)
    assert.equal(await patient.hasMark(never), false)
    const begun = await patient.beginMark(never)
    await worker.client.flushall()
    await patient.putMark(begun, never)
    assert.equal(await patient.hasMark(never), false)
    await patient.putMark(await patient.beginMark(never), never)
    assert.equal(await patient.hasMark(never), true)
  })

  it('rejects with STORE_UNAVAILABLE, and its cause, while Redis is frozen', async () => {
    await using server = await startRedis()
    const impatient = { url: server.url, role: 'producer', commandTimeoutMs: 500 } as const
    await using connection = await openRedis(impatient, never)
    const store = createRedisJobStore({ redis: connection.client })
    const job = aJob()
    await connection.client.ping()
    await server.kill('SIGSTOP')
    await assert.rejects(store.create(job, never), (error) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'STORE_UNAVAILABLE')
      assert.equal(error.message, `Cannot create job "${job.definition.id}"`)
      assert.ok(error.cause instanceof Error)
      return true
    })
    const reason = new Error('the client left')
    const leaving = new AbortController()
    const loading = store.load(job.definition.id, leaving.signal)
    leaving.abort(reason)
    await assert.rejects(loading, reason)
    await server.kill('SIGCONT')
  })
})
