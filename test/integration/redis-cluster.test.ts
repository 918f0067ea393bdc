import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createJobQueues, openConsumer } from '@firn/queue'
import { checkRedis, openRedis, type RedisConnection } from '@firn/redis'
import { createRedisJobStore } from '@firn/store'
import { aJobId, describeJobStore, type RedisServer, startRedis, until } from '@firn/testing'

const never = new AbortController().signal
let server: RedisServer
let url: string
let producer: RedisConnection

before(async () => {
  server = await startRedis({ isCluster: true })
  url = `redis+cluster://127.0.0.1:${server.port}`
  producer = await openRedis({ url, role: 'producer' }, never)
})
after(async () => {
  await producer[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

// One node holds every slot, and still refuses commands and scripts across slots.
describeJobStore('Redis Cluster', async () => {
  await producer.client.flushall()
  return createRedisJobStore({ redis: producer.client })
})

describe('a cluster', { timeout: 60_000 }, () => {
  it('answers readiness and is inspected', async () => {
    await producer.ping(never)
    assert.match((await checkRedis(producer, never)).join(), /no append-only file/)
  })

  it('carries the queues', async () => {
    await using worker = await openRedis({ url, role: 'worker' }, never)
    await using queues = createJobQueues({ redis: producer.client })
    const seen: number[] = []
    await using _consumer = openConsumer({
      redis: worker.client,
      concurrency: 2,
      drainMs: 100,
      handlers: { queue: 'parts', part: async ({ index }) => void seen.push(index) },
    })
    await queues.addParts({ jobId: aJobId(), generation: 1 }, [0, 1, 2], 3, never)
    await until(() => seen.length === 3, { timeoutMs: 20_000 })
    await until(async () => (await queues.counts(never)).parts.active === 0, { timeoutMs: 20_000 })
  })
})
