import { Redis } from 'ioredis'

/** What a Redis acknowledged, one marker after the other: how much of it is there later. */
export interface Markers {
  readonly acknowledgedCount: () => number
  /** To be called once Redis is gone, or to stop writing. */
  readonly stop: () => Promise<void>
}

/** Writes markers straight to that Redis, each once the one before was acknowledged. */
export async function writeMarkers(port: number): Promise<Markers> {
  const redis = await connectOnce(port)
  let count = 0
  const write = async (): Promise<void> => {
    for (;;) {
      await redis.set(`marker:${count}`, '1')
      count += 1
    }
  }
  const writing = write().catch(() => {})
  return {
    acknowledgedCount: () => count,
    async stop() {
      redis.disconnect()
      await writing
    },
  }
}

/** How many of the first `acknowledgedCount` markers that Redis does not have; removes the others. */
export async function countLost(port: number, acknowledgedCount: number): Promise<number> {
  const redis = await connectOnce(port)
  const keys = Array.from({ length: acknowledgedCount }, (_, index) => `marker:${index}`)
  const foundCount = await redis.exists(...keys)
  await redis.del(...keys)
  redis.disconnect()
  return acknowledgedCount - foundCount
}

async function connectOnce(port: number): Promise<Redis> {
  const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
  redis.on('error', () => {})
  await redis.connect()
  return redis
}
