import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createJobQueues, type JobRef, type OpenJobQueues } from '@firn/queue'
import { openRedis, type RedisConnection } from '@firn/redis'
import { aJobId, until } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis()
const program = fileURLToPath(new URL('./queue-consumer-process.ts', import.meta.url))

describe('consumers in processes that die', { timeout: 120_000 }, () => {
  let redis: RedisConnection
  let queues: OpenJobQueues
  let ref: JobRef
  const children: ChildProcess[] = []

  before(async () => {
    redis = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
  })
  beforeEach(async () => {
    await redis.client.flushall()
    queues = createJobQueues({ redis: redis.client })
    ref = { jobId: aJobId(), generation: 1 }
  })
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await queues[Symbol.asyncDispose]()
  })
  after(async () => {
    await redis[Symbol.asyncDispose]()
  })

  const lines = (): Promise<string[]> => redis.client.lrange('log', 0, -1)
  const logged = (line: string): Promise<void> =>
    until(async () => (await lines()).includes(line), { timeoutMs: 20_000 })
  const startConsumer = async (name: string, settings: Record<string, string>) => {
    const env = { ...process.env, REDIS_URL: await redisUrl(), NAME: name, ...settings }
    const child = spawn(process.execPath, [program], {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    children.push(child)
    await logged(`${name} up`)
    return child
  }
  const isEmpty = async (): Promise<boolean> => {
    const { waiting, active, delayed } = (await queues.counts(never)).parts
    return waiting + active + delayed === 0
  }

  it('gives the job of a process that was killed to another, as the same attempt', async () => {
    await queues.addParts(ref, [0], 3, never)
    const first = await startConsumer('first', { RUN_MS: '60000' })
    await logged('first start 0 attempt 1')
    first.kill('SIGKILL')
    await startConsumer('second', { RUN_MS: '0' })
    await logged('second done 0')
    assert.ok((await lines()).includes('second start 0 attempt 1'))
    await until(isEmpty, { timeoutMs: 5000 })
  })

  it('gives up a job that has killed its process 50 times, and does not run it again', async () => {
    await queues.addParts(ref, [0], 3, never)
    await redis.client.hset(`{firn}:parts:${ref.jobId}.1.0`, 'stc', 49)
    const first = await startConsumer('first', { RUN_MS: '60000' })
    await logged('first start 0 attempt 1')
    first.kill('SIGKILL')
    await startConsumer('second', { RUN_MS: '0' })
    await logged(`second gives up ${ref.jobId} POISON`)
    await until(isEmpty, { timeoutMs: 5000 })
    assert.deepEqual((await lines()).slice(2), ['second up', `second gives up ${ref.jobId} POISON`])
    assert.equal(await redis.client.exists(`{firn}:parts:${ref.jobId}.1.0`), 0)
  })

  it('aborts the run of a process that was stopped for longer than its lock lasts', async () => {
    await queues.addParts(ref, [0], 3, never)
    const zombie = await startConsumer('zombie', { RUN_MS: '60000' })
    await logged('zombie start 0 attempt 1')
    zombie.kill('SIGSTOP')
    await startConsumer('other', { RUN_MS: '0' })
    await logged('other done 0')
    zombie.kill('SIGCONT')
    await until(
      async () => (await lines()).some((line) => line.startsWith('zombie aborted 0 lock-')),
      {
        timeoutMs: 10_000,
      },
    )
    assert.ok((await lines()).includes('other start 0 attempt 1'))
    await until(isEmpty, { timeoutMs: 5000 })
  })

  it('hands its job over on SIGTERM, at once, with its priority and no attempt counted', async () => {
    await queues.addParts(ref, [0], 3, never)
    // A lock that outlives the test: only a hand-over can free the job in time.
    const leaving = await startConsumer('leaving', { RUN_MS: '60000', LOCK_MS: '600000' })
    await logged('leaving start 0 attempt 1')
    leaving.kill('SIGTERM')
    await once(leaving, 'exit')
    assert.deepEqual((await lines()).slice(-2), ['leaving aborted 0 shutdown', 'leaving disposed'])

    const key = `{firn}:parts:${ref.jobId}.1.0`
    const [made, priority] = await redis.client.hmget(key, 'atm', 'priority')
    assert.equal(made ?? '0', '0')
    assert.equal(priority, '4')
    const score = await redis.client.zscore('{firn}:parts:prioritized', `${ref.jobId}.1.0`)
    assert.equal(Math.floor(Number(score) / 2 ** 32), 4)

    await startConsumer('next', { RUN_MS: '0' })
    await logged('next done 0')
    assert.ok((await lines()).includes('next start 0 attempt 1'))
  })

  it('lets a run end on SIGTERM that needs no longer than the drain', async () => {
    await queues.addParts(ref, [0], 3, never)
    const leaving = await startConsumer('leaving', { RUN_MS: '700', DRAIN_MS: '20000' })
    await logged('leaving start 0 attempt 1')
    leaving.kill('SIGTERM')
    await once(leaving, 'exit')
    assert.deepEqual((await lines()).slice(-2), ['leaving done 0', 'leaving disposed'])
    assert.equal(await isEmpty(), true)
  })
})
