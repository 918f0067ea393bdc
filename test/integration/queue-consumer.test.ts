import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { AppError } from '@firn/core'
import {
  type Consumer,
  type ConsumerOptions,
  createJobQueues,
  type JobRef,
  type OpenJobQueues,
  openConsumer,
  type PartJobRef,
  type QueueName,
  type RunContext,
  type RunOutcome,
} from '@firn/queue'
import { openRedis, type RedisConnection } from '@firn/redis'
import { aJobId, until } from '@firn/testing'
import { Queue } from 'bullmq'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis()
const QUICK = { baseMs: 1, capMs: 1 }

describe('job queues and their consumer', { timeout: 120_000 }, () => {
  let producer: RedisConnection
  let worker: RedisConnection
  let queues: OpenJobQueues
  let ref: JobRef
  let consumers: Consumer[]
  let outcomes: RunOutcome[]

  before(async () => {
    producer = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
    worker = await openRedis({ url: await redisUrl(), role: 'worker' }, never)
  })
  beforeEach(async () => {
    await producer.client.flushall()
    queues = createJobQueues({
      redis: producer.client,
      attempts: { open: 3, parts: 3, finalize: 3 },
    })
    ref = { jobId: aJobId(), generation: 1 }
    consumers = []
    outcomes = []
  })
  afterEach(async () => {
    await Promise.all(consumers.map((consumer) => consumer[Symbol.asyncDispose]()))
    await queues[Symbol.asyncDispose]()
  })
  after(async () => {
    await worker[Symbol.asyncDispose]()
    await producer[Symbol.asyncDispose]()
  })

  const consume = (
    handlers: ConsumerOptions['handlers'],
    options: Partial<ConsumerOptions> = {},
  ): Consumer => {
    const consumer = openConsumer({
      redis: worker.client,
      concurrency: 1,
      backoff: QUICK,
      drainMs: 100,
      onRun: ({ outcome }) => outcomes.push(outcome),
      handlers,
      ...options,
    })
    consumers.push(consumer)
    return consumer
  }
  const consumeParts = (
    part: (ref: PartJobRef, context: RunContext) => Promise<void>,
    options: Partial<ConsumerOptions> = {},
  ): Consumer => consume({ queue: 'parts', part }, options)
  const total = async (queue: QueueName): Promise<number> => {
    const { waiting, active, delayed } = (await queues.counts(never))[queue]
    return waiting + active + delayed
  }
  const emptied = (queue: QueueName): Promise<void> =>
    until(async () => (await total(queue)) === 0, { timeoutMs: 10_000 })

  it('brings each kind of job to its handler, with its payload', async () => {
    const seen: unknown[] = []
    await queues.addOpen(ref, 3, never)
    await queues.addParts(ref, [7], 3, never)
    await queues.addFinalize(ref, never)
    await queues.addAbort(ref, never)
    consume({ queue: 'open', open: async (payload) => void seen.push(['open', payload]) })
    consumeParts(async (payload) => void seen.push(['part', payload]))
    consume({
      queue: 'finalize',
      finalize: async (payload) => void seen.push(['finalize', payload]),
      abort: async (payload) => void seen.push(['abort', payload]),
    })
    await until(() => seen.length === 4, { timeoutMs: 10_000 })
    const byName = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1)
    assert.deepEqual(seen.sort(byName), [
      ['abort', ref],
      ['finalize', ref],
      ['open', ref],
      ['part', { ...ref, index: 7 }],
    ])
    await Promise.all([emptied('open'), emptied('parts'), emptied('finalize')])
  })

  it('adds a job once while it waits, and again when it is over', async () => {
    const seen: number[] = []
    await queues.addParts(ref, [0, 1], 3, never)
    await queues.addParts(ref, [1, 2], 3, never)
    assert.equal(await total('parts'), 3)
    consumeParts(async ({ index }) => void seen.push(index))
    await emptied('parts')
    await queues.addParts(ref, [1], 3, never)
    await until(() => seen.length === 4, { timeoutMs: 10_000 })
    assert.deepEqual(seen.toSorted(), [0, 1, 1, 2])
  })

  it('takes more parts than fit one pipeline', async () => {
    const indexes = Array.from({ length: 1203 }, (_, index) => index)
    await queues.addParts(ref, indexes, 3, never)
    assert.equal((await queues.counts(never)).parts.waiting, 1203)
  })

  it('runs urgent jobs first, whatever came first', async () => {
    const seen: number[] = []
    await queues.addParts(ref, [7], 7, never)
    await queues.addParts(ref, [3], 3, never)
    await queues.addParts(ref, [0], 0, never)
    consumeParts(async ({ index }) => void seen.push(index))
    await emptied('parts')
    assert.deepEqual(seen, [0, 3, 7])
  })

  it('moves what waits when its priority changes, and only that', async () => {
    const seen: number[] = []
    const other = { ...ref, generation: 2 }
    await queues.addParts(ref, [1, 2], 3, never)
    await queues.addParts(other, [8, 9], 3, never)
    await queues.changePriority(other, [5, 8, 9], 1, never)
    consumeParts(async ({ index }) => void seen.push(index))
    await emptied('parts')
    assert.deepEqual(seen.slice(0, 2).toSorted(), [8, 9])
    assert.deepEqual(seen.slice(2).toSorted(), [1, 2])
  })

  it('moves an opening as well', async () => {
    const seen: number[] = []
    const other = { ...ref, generation: 2 }
    await queues.addOpen(ref, 3, never)
    await queues.addOpen(other, 3, never)
    await queues.changePriority(other, [], 0, never)
    consume({ queue: 'open', open: async ({ generation }) => void seen.push(generation) })
    await emptied('open')
    assert.deepEqual(seen, [2, 1])
  })

  it('outlasts an outage without counting it, up to where its patience ends', async () => {
    const seen: unknown[] = []
    await queues.addParts(ref, [0], 3, never)
    consumeParts(
      async (_payload, { attempt, isLastAttempt, isPatienceOver }) => {
        seen.push([attempt, isLastAttempt, isPatienceOver])
        throw new AppError('GLACIER_UNAVAILABLE', 'Glacier is not there')
      },
      { outageRunsMax: 5 },
    )
    await emptied('parts')
    const waits = Array.from({ length: 5 }, () => [1, false, false])
    assert.deepEqual(seen, [...waits, [1, false, true]])
    assert.deepEqual(outcomes, [...waits.map(() => 'waiting'), 'failed'])
  })

  it('retries what may be retried, up to the last attempt, and keeps nothing of it', async () => {
    const seen: unknown[] = []
    await queues.addParts(ref, [0], 3, never)
    consumeParts(async (_payload, { attempt, isLastAttempt }) => {
      seen.push([attempt, isLastAttempt])
      throw new AppError('SOURCE_UNREADABLE', 'The disk is not there')
    })
    await emptied('parts')
    assert.deepEqual(seen, [
      [1, false],
      [2, false],
      [3, true],
    ])
    assert.deepEqual(outcomes, ['retry', 'retry', 'failed'])
    assert.equal(await producer.client.exists(`{firn}:parts:${ref.jobId}.1.0`), 0)
  })

  it('retries what nobody classified', async () => {
    await queues.addParts(ref, [0], 3, never)
    consumeParts(async (_payload, { attempt }) => {
      if (attempt === 1) throw new TypeError('a bug')
    })
    await emptied('parts')
    assert.deepEqual(outcomes, ['retry', 'done'])
  })

  it('never retries what was refused', async () => {
    await queues.addParts(ref, [0], 3, never)
    consumeParts(async () => {
      throw new AppError('SOURCE_CHANGED', 'The source changed')
    })
    await emptied('parts')
    assert.deepEqual(outcomes, ['failed'])
  })

  it('counts no attempt when Glacier asks for patience', async () => {
    const attempts: number[] = []
    await queues.addParts(ref, [0], 3, never)
    consumeParts(
      async (_payload, { attempt }) => {
        attempts.push(attempt)
        if (attempts.length <= 4) throw new AppError('GLACIER_THROTTLED', 'Slow down')
      },
      { random: () => 0 },
    )
    await emptied('parts')
    assert.deepEqual(attempts, [1, 1, 1, 1, 1])
    assert.deepEqual(outcomes, ['throttled', 'throttled', 'throttled', 'throttled', 'done'])
  })

  it('puts a job off when an operator has to act, and counts no attempt', async () => {
    await queues.addParts(ref, [0], 3, never)
    consumeParts(async () => {
      throw new AppError('GLACIER_CREDENTIALS', 'The credentials have expired')
    })
    await until(async () => (await queues.counts(never)).parts.delayed === 1, { timeoutMs: 10_000 })
    assert.deepEqual(outcomes, ['waiting'])
    const made = await producer.client.hget(`{firn}:parts:${ref.jobId}.1.0`, 'atm')
    assert.equal(made ?? '0', '0')
  })

  it('refuses payloads and names it does not know, and keeps nothing of them', async () => {
    const queue = new Queue('parts', { connection: producer.client, prefix: '{firn}' })
    const options = { removeOnFail: true, attempts: 3 }
    await queue.add('part', { jobId: 'none', generation: 1, index: 0 }, options)
    await queue.add('part', { ...ref, index: -1 }, options)
    await queue.add('part', { ...ref, index: 1, more: true }, options)
    await queue.add('other', { ...ref, index: 0 }, options)
    consumeParts(async () => assert.fail('ran'))
    await emptied('parts')
    assert.deepEqual(outcomes, ['failed', 'failed', 'failed', 'failed'])
    await queue.close()
  })

  it('runs as many jobs at once as it has slots, and says how many', async () => {
    const gate = Promise.withResolvers<void>()
    await queues.addParts(ref, [0, 1, 2, 3, 4], 3, never)
    const consumer = consumeParts(() => gate.promise, { concurrency: 3 })
    await until(() => consumer.activeCount() === 3, { timeoutMs: 10_000 })
    assert.equal((await queues.counts(never)).parts.active, 3)
    gate.resolve()
    await emptied('parts')
    assert.equal(consumer.activeCount(), 0)
  })

  it('keeps the lock of a run that lasts longer than the lock', async () => {
    let runs = 0
    await queues.addParts(ref, [0], 3, never)
    const gate = Promise.withResolvers<void>()
    const lockDurationMs = 600
    consumeParts(
      async (_payload, { signal }) => {
        runs += 1
        await gate.promise
        signal.throwIfAborted()
      },
      { lockDurationMs, stalledIntervalMs: 100 },
    )
    const key = `{firn}:parts:${ref.jobId}.1.0:lock`
    await until(async () => (await producer.client.exists(key)) === 1, { timeoutMs: 10_000 })
    const startedMs = performance.now()
    await until(() => performance.now() - startedMs > 4 * lockDurationMs, { timeoutMs: 10_000 })
    gate.resolve()
    await emptied('parts')
    assert.equal(runs, 1)
    assert.deepEqual(outcomes, ['done'])
  })

  it('aborts a run whose lock somebody took, and leaves the job to them', async () => {
    const losses: string[] = []
    const reasons: unknown[] = []
    await queues.addParts(ref, [0], 3, never)
    consumeParts(
      async (_payload, { signal }) => {
        if (reasons.length > 0) return
        await until(() => signal.aborted, { timeoutMs: 10_000 })
        reasons.push(signal.reason.why)
        throw signal.reason
      },
      { lockDurationMs: 900, stalledIntervalMs: 100, onLockLost: (loss) => losses.push(loss) },
    )
    const key = `{firn}:parts:${ref.jobId}.1.0:lock`
    await until(async () => (await producer.client.exists(key)) === 1, { timeoutMs: 10_000 })
    await producer.client.set(key, 'somebody', 'PX', 1500)
    await emptied('parts')
    assert.deepEqual(losses, ['lock-lost'])
    assert.deepEqual(reasons, ['lock-lost'])
    assert.deepEqual(outcomes, ['abandoned', 'done'])
  })

  it('survives a SCRIPT FLUSH', async () => {
    const seen: number[] = []
    consumeParts(async ({ index }) => void seen.push(index))
    await queues.addParts(ref, [0], 3, never)
    await until(() => seen.length === 1, { timeoutMs: 10_000 })
    await producer.client.script('FLUSH')
    await queues.addParts(ref, [1], 3, never)
    await emptied('parts')
    assert.deepEqual(seen, [0, 1])
  })
})
