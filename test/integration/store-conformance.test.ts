import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openRedis, type RedisConnection } from '@firn/redis'
import { createMemoryJobStore, createRedisJobStore } from '@firn/store'
import { aJob, anUpload, describeJobStore } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis()
let connection: RedisConnection

before(async () => {
  connection = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
})
after(async () => {
  await connection[Symbol.asyncDispose]()
})

describeJobStore('memory', async () => createMemoryJobStore())

describeJobStore('Redis', async () => {
  await connection.client.flushall()
  return createRedisJobStore({ redis: connection.client })
})

describe('copy() of the memory store', () => {
  it('stays as it was when the store goes on, and the other way round', async () => {
    const store = createMemoryJobStore()
    const progress = { state: 'uploading', generation: 1, upload: anUpload() } as const
    const job = aJob({ progress })
    const ref = { jobId: job.definition.id, generation: 1, index: 0 }
    const part = { treeHash: Buffer.alloc(32, 1), sizeBytes: 10, window: 2, nowMs: 1 }
    await store.create(job, never)
    const copy = store.copy()
    await store.recordPart(ref, part, never)
    await copy.create(aJob(), never)
    await copy.putMark(await copy.beginMark(never), never)

    assert.equal((await copy.load(ref.jobId, never))?.counts.uploadedParts, 0)
    assert.equal((await store.load(ref.jobId, never))?.counts.uploadedParts, 1)
    assert.equal((await store.countByState(never)).queued, 0)
    assert.equal(await store.hasMark(never), false)
  })
})
