/**
 * A process that consumes `parts`, for tests that kill it. Each run appends lines to the Redis
 * list `log` and lasts RUN_MS, or until its signal aborts. SIGTERM disposes the consumer.
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { openConsumer } from '@firn/queue'
import { openRedis } from '@firn/redis'

const { REDIS_URL = '', NAME = '', RUN_MS = '0', LOCK_MS = '1500', DRAIN_MS = '100' } = process.env
const never = new AbortController().signal

await using work = await openRedis({ url: REDIS_URL, role: 'worker' }, never)
await using log = await openRedis({ url: REDIS_URL, role: 'worker' }, never)
const write = (line: string) => log.client.rpush('log', `${NAME} ${line}`)

const consumer = openConsumer({
  redis: work.client,
  concurrency: 1,
  lockDurationMs: Number(LOCK_MS),
  stalledIntervalMs: 300,
  drainMs: Number(DRAIN_MS),
  async onPoison({ jobId }, { code }) {
    await write(`gives up ${jobId} ${code}`)
  },
  handlers: {
    queue: 'parts',
    async part({ index }, { signal, attempt }) {
      await write(`start ${index} attempt ${attempt}`)
      try {
        await delay(Number(RUN_MS), undefined, { signal })
      } catch (error) {
        const { why } = signal.reason
        await write(`aborted ${index} ${why}`)
        throw error
      }
      await write(`done ${index}`)
    },
  },
})
await write('up')
await once(process, 'SIGTERM')
await consumer[Symbol.asyncDispose]()
await write('disposed')
