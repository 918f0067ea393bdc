import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { createJobQueues, type JobRef, openConsumer } from '@firn/queue'
import { openRedis, type RedisConnection } from '@firn/redis'
import { aJobId, type RedisServer, startRedis, until } from '@firn/testing'

const never = new AbortController().signal

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

describe('queues while Redis is away', { timeout: 120_000 }, () => {
  let server: RedisServer
  let producer: RedisConnection
  let worker: RedisConnection
  let ref: JobRef

  beforeEach(async () => {
    server = await startRedis({ appendfsync: 'always' })
    producer = await openRedis({ url: server.url, role: 'producer', commandTimeoutMs: 300 }, never)
    worker = await openRedis({ url: server.url, role: 'worker' }, never)
    ref = { jobId: aJobId(), generation: 1 }
  })
  afterEach(async () => {
    await worker[Symbol.asyncDispose]()
    await producer[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  it('aborts a run before its lock can expire, and runs the job again afterwards', async () => {
    await using queues = createJobQueues({ redis: producer.client })
    const aborted = Promise.withResolvers<unknown>()
    const attempts: number[] = []
    await using consumer = openConsumer({
      redis: worker.client,
      concurrency: 1,
      lockDurationMs: 3000,
      stalledIntervalMs: 300,
      drainMs: 100,
      handlers: {
        queue: 'parts',
        async part(_ref, { signal, attempt }) {
          attempts.push(attempt)
          if (attempts.length > 1) return
          await untilAborted(signal).catch(aborted.resolve)
          throw signal.reason
        },
      },
    })
    await queues.addParts(ref, [0], 3, never)
    await until(() => consumer.activeCount() === 1, { timeoutMs: 10_000 })
    await server.kill('SIGSTOP')
    const reason = await aborted.promise
    await server.kill('SIGCONT')
    const leftMs = await worker.client.pttl(`{firn}:parts:${ref.jobId}.1.0:lock`)
    assert.ok(leftMs > 0, 'the lock had expired when the run was aborted')
    assert.equal(reason instanceof Error && reason.message, 'Run aborted: lock-unsure')
    await until(() => attempts.length === 2, { timeoutMs: 20_000 })
    assert.deepEqual(attempts, [1, 1])
  })

  it('goes on after Redis was killed and came back, with the jobs that were acknowledged', async () => {
    await using queues = createJobQueues({ redis: producer.client })
    const gate = Promise.withResolvers<void>()
    const seen: number[] = []
    await using consumer = openConsumer({
      redis: worker.client,
      concurrency: 1,
      drainMs: 100,
      handlers: {
        queue: 'parts',
        async part({ index }) {
          await gate.promise
          seen.push(index)
        },
      },
    })
    await queues.addParts(ref, [0, 1], 3, never)
    await until(() => consumer.activeCount() === 1, { timeoutMs: 10_000 })
    await server.kill('SIGKILL')
    await assert.rejects(queues.addParts(ref, [2], 3, never), { code: 'QUEUE_UNAVAILABLE' })
    await server.restart()
    await until(
      () =>
        queues.addParts(ref, [3], 3, never).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 20_000 },
    )
    gate.resolve()
    await until(() => [0, 1, 3].every((index) => seen.includes(index)), { timeoutMs: 20_000 })
  })

  it('adds jobs after it was made during an outage', async () => {
    await server.kill('SIGSTOP')
    await using queues = createJobQueues({ redis: producer.client })
    await assert.rejects(queues.addParts(ref, [0], 3, never), { code: 'QUEUE_UNAVAILABLE' })
    await server.kill('SIGCONT')
    await until(
      () =>
        queues.addParts(ref, [1], 3, never).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    )
  })

  it('rejects within its deadline while Redis is frozen', async () => {
    await using queues = createJobQueues({ redis: producer.client })
    await queues.addParts(ref, [0], 3, never)
    await server.kill('SIGSTOP')
    await assert.rejects(queues.addParts(ref, [1], 3, never), (error) => {
      assert.ok(error instanceof AppError && error.cause instanceof Error)
      assert.equal(error.code, 'QUEUE_UNAVAILABLE')
      return true
    })
    const reason = new Error('the client left')
    const leaving = new AbortController()
    const adding = queues.addParts(ref, [1], 3, leaving.signal)
    leaving.abort(reason)
    await assert.rejects(adding, reason)
    await server.kill('SIGCONT')
  })

  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    it(`ends its disposal when Redis is gone for good (${signal})`, async () => {
      const queues = createJobQueues({ redis: producer.client })
      const consumer = openConsumer({
        redis: worker.client,
        concurrency: 2,
        drainMs: 100,
        handlers: { queue: 'parts', part: (_ref, run) => untilAborted(run.signal) },
      })
      await queues.addParts(ref, [0, 1, 2], 3, never)
      await until(() => consumer.activeCount() === 2, { timeoutMs: 10_000 })
      await server.kill(signal)
      const startedMs = performance.now()
      await consumer[Symbol.asyncDispose]()
      await queues[Symbol.asyncDispose]()
      await worker[Symbol.asyncDispose]()
      await producer[Symbol.asyncDispose]()
      assert.ok(performance.now() - startedMs < 20_000)
      // Nothing is left that keeps the process from leaving.
      const isOver = () => !process.getActiveResourcesInfo().includes('TCPSocketWrap')
      await until(isOver, { timeoutMs: 10_000 })
    })
  }
})
