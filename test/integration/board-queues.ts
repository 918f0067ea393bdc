import { type Consumer, createJobQueues, openConsumer } from '@firn/queue'
import { openRedis } from '@firn/redis'
import { aJobId, until } from '@firn/testing'

const { signal } = new AbortController()

/** How many queue jobs of each kind there are once {@link fillQueues} is done. */
export const counts = {
  open: { active: 0, prioritized: 2, delayed: 0 },
  parts: { active: 3, prioritized: 40, delayed: 1 },
  finalize: { active: 0, prioritized: 1, delayed: 0 },
} as const

/** What the run of the part that waits for its next attempt said. */
export const failure = 'Glacier answered 503 "ServiceUnavailable"'

/** Queues in the middle of the work: of the parts three run and one has failed once. */
export async function fillQueues(redisUrl: string): Promise<AsyncDisposable> {
  await using resources = new AsyncDisposableStack()
  const producer = resources.use(await openRedis({ url: redisUrl, role: 'producer' }, signal))
  const worker = resources.use(await openRedis({ url: redisUrl, role: 'worker' }, signal))
  const queues = resources.use(createJobQueues({ redis: producer.client }))
  const { promise: isOver, resolve: end } = Promise.withResolvers<void>()
  const ref = { jobId: aJobId(), generation: 1 }
  let failedCount = 0
  const consumer: Consumer = openConsumer({
    redis: worker.client,
    concurrency: 1,
    drainMs: 100,
    // The longest, so that what failed stays delayed.
    random: () => 1 - Number.EPSILON,
    backoff: { baseMs: 3_600_000, capMs: 3_600_000 },
    handlers: {
      queue: 'parts',
      async part() {
        if (failedCount++ === 0) throw new Error(failure)
        await isOver
      },
    },
  })
  resources.defer(async () => {
    end()
    await consumer[Symbol.asyncDispose]()
  })
  const { parts, open } = counts
  await queues.addParts(ref, [0], 3, signal)
  await until(async () => (await queues.counts(signal)).parts.delayed === 1, { timeoutMs: 20_000 })
  consumer.adjust({ isHeld: false, concurrency: parts.active })
  const indexes = Array.from({ length: parts.active + parts.prioritized }, (_, index) => index + 1)
  await queues.addParts(ref, indexes, 3, signal)
  for (let index = 0; index < open.prioritized; index++) {
    await queues.addOpen({ ...ref, jobId: aJobId() }, 3, signal)
  }
  await queues.addFinalize(ref, signal)
  const areActive = async (): Promise<boolean> =>
    (await queues.counts(signal)).parts.active === parts.active
  await until(areActive, { timeoutMs: 20_000 })
  return resources.move()
}
