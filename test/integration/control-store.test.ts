import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { openRedis, type RedisConnection } from '@firn/redis'
import { createMemoryControlStore, createRedisControlStore, WORKER_TTL_MS } from '@firn/store'
import { describeControlStore } from '@firn/testing'
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

describeControlStore('memory', async () => createMemoryControlStore({ now: Date.now }))

describeControlStore('Redis', async () => {
  await connection.client.flushall()
  return createRedisControlStore({ redis: connection.client })
})

it('a worker that has not reported for the TTL is not listed, in memory or in Redis', async () => {
  const report = { name: 'host:1', slotCount: 1, busyCount: 0, isHolding: false }
  let nowMs = 1_000_000
  const memory = createMemoryControlStore({ now: () => nowMs })
  await memory.reportWorker(report, never)
  nowMs += WORKER_TTL_MS
  assert.deepEqual(await memory.listWorkers(never), [])

  const { client } = connection
  await client.flushall()
  const redis = createRedisControlStore({ redis: client })
  await redis.reportWorker(report, never)
  await redis.reportWorker({ ...report, name: 'host:2' }, never)
  await client.zincrby('firn:{workers}:seen', -WORKER_TTL_MS, 'host:1')
  assert.deepEqual(
    (await redis.listWorkers(never)).map(({ name }) => name),
    ['host:2'],
  )
  assert.equal(await client.hexists('firn:{workers}:reports', 'host:1'), 0)
})
