import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { type Consumer, createJobQueues, type OpenJobQueues, openConsumer } from '@firn/queue'
import { openRedis, type RedisConnection } from '@firn/redis'
import { aJobId, until } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis()
const wait = { timeoutMs: 20_000 }

describe('a consumer that is adjusted while it runs', { timeout: 120_000 }, () => {
  let producer: RedisConnection
  let connection: RedisConnection
  let queues: OpenJobQueues
  /** Runs in progress, each with the call that ends it. */
  let running: Map<number, () => void>
  let attempts: number[]
  let consumers: Consumer[]

  before(async () => {
    producer = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
    connection = await openRedis({ url: await redisUrl(), role: 'worker' }, never)
    queues = createJobQueues({ redis: producer.client })
  })
  beforeEach(async () => {
    await producer.client.flushall()
    running = new Map()
    attempts = []
    consumers = []
  })
  afterEach(async () => {
    for (const end of running.values()) end()
    await Promise.all(consumers.map((consumer) => consumer[Symbol.asyncDispose]()))
  })
  after(async () => {
    await queues[Symbol.asyncDispose]()
    await connection[Symbol.asyncDispose]()
    await producer[Symbol.asyncDispose]()
  })

  const consume = (concurrency: number, isHeld = false): Consumer => {
    const consumer = openConsumer({
      redis: connection.client,
      concurrency,
      isHeld,
      drainMs: 1000,
      handlers: {
        queue: 'parts',
        async part({ index }, run) {
          attempts.push(run.attempt)
          const { promise, resolve } = Promise.withResolvers<void>()
          running.set(index, resolve)
          await promise
          running.delete(index)
        },
      },
    })
    consumers.push(consumer)
    return consumer
  }
  const addParts = (...indexes: number[]): Promise<void> =>
    queues.addParts({ jobId: aJobId(), generation: 1 }, indexes, 3, never)
  const counts = async () => (await queues.counts(never)).parts
  /** Long enough for a fetch that was under way: other runs come and go meanwhile. */
  const passTime = async (): Promise<void> => {
    const helper = openConsumer({
      redis: connection.client,
      concurrency: 1,
      handlers: {
        queue: 'open',
        open: async () => {
          helped += 1
        },
      },
    })
    consumers.push(helper)
    let helped = 0
    for (let index = 0; index < 20; index += 1) {
      await queues.addOpen({ jobId: aJobId(), generation: 1 }, 3, never)
      await until(() => helped > index, wait)
    }
  }

  it('runs nothing while it is held from the start, and everything once released', async () => {
    const consumer = consume(2, true)
    await addParts(0, 1)
    await passTime()
    assert.equal(running.size, 0)
    assert.equal((await counts()).waiting, 2)
    consumer.adjust({ isHeld: false, concurrency: 2 })
    await until(() => running.size === 2, wait)
  })

  it('lets runs end while it is held, fetches nothing after them, and counts no attempt', async () => {
    const consumer = consume(1)
    await addParts(0, 1, 2)
    await until(() => running.has(0), wait)
    consumer.adjust({ isHeld: true, concurrency: 1 })
    running.get(0)?.()
    await until(async () => (await counts()).active === 0, wait)
    await passTime()
    assert.equal(running.size, 0)
    assert.equal((await counts()).waiting, 2)
    consumer.adjust({ isHeld: false, concurrency: 1 })
    await until(() => running.has(1), wait)
    assert.deepEqual(attempts, [1, 1])
  })

  it('gives back a job that it waited for when it began to be held', async () => {
    const consumer = consume(1)
    await addParts(0)
    await until(() => running.has(0), wait)
    running.get(0)?.()
    // The loop waits for a job by now, and gets the next one although it is held.
    await until(async () => (await counts()).active === 0, wait)
    consumer.adjust({ isHeld: true, concurrency: 1 })
    await addParts(1)
    await passTime()
    await until(async () => (await counts()).waiting === 1, wait)
    assert.equal(running.size, 0)
    consumer.adjust({ isHeld: false, concurrency: 1 })
    await until(() => running.has(1), wait)
    assert.deepEqual(attempts, [1, 1])
  })

  it('is held and released many times without losing its way', async () => {
    const consumer = consume(1)
    for (let index = 0; index < 20; index += 1) {
      consumer.adjust({ isHeld: true, concurrency: 1 })
      await addParts(index)
      if (index % 2 === 0) await counts()
      consumer.adjust({ isHeld: false, concurrency: 1 })
      await until(() => running.has(index), wait)
      running.get(index)?.()
      await until(() => running.size === 0, wait)
    }
  })

  it('runs more at once when its concurrency rises, and fewer when it falls', async () => {
    const consumer = consume(1)
    await addParts(0, 1, 2, 3, 4, 5, 6, 7)
    await until(() => running.has(0), wait)
    consumer.adjust({ isHeld: false, concurrency: 3 })
    running.get(0)?.()
    await until(() => running.size === 3, wait)
    consumer.adjust({ isHeld: false, concurrency: 1 })
    for (const end of [...running.values()]) end()
    await until(() => attempts.length === 5, wait)
    await passTime()
    assert.equal(running.size, 1)
  })

  it('is closed in good order while it is held with a run in progress', async () => {
    const consumer = consume(1)
    await addParts(0)
    await until(() => running.has(0), wait)
    consumer.adjust({ isHeld: true, concurrency: 1 })
    const closed = consumer[Symbol.asyncDispose]()
    running.get(0)?.()
    await closed
    const { waiting, active, delayed } = await counts()
    assert.deepEqual({ waiting, active, delayed }, { waiting: 0, active: 0, delayed: 0 })
  })
})
