import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openRedis, type RedisConnection } from '@firn/redis'
import { createMemoryJobStore, createRedisJobStore } from '@firn/store'
import { storeContents, storeHistories } from '@firn/testing'
import fc from 'fast-check'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis()

describe('the memory store and the Redis store', () => {
  let connection: RedisConnection

  before(async () => {
    connection = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
  })
  after(async () => {
    await connection[Symbol.asyncDispose]()
  })

  it('give the same answers to any history of calls', async () => {
    const property = fc.asyncProperty(storeHistories, async (history) => {
      await connection.client.flushall()
      const memory = createMemoryJobStore()
      const redis = createRedisJobStore({ redis: connection.client })
      for (const operation of history) {
        assert.deepEqual(await operation.run(redis), await operation.run(memory), `${operation}`)
      }
      assert.deepEqual(await storeContents(redis), await storeContents(memory))
    })
    await fc.assert(property, { numRuns: 100 })
  })
})
