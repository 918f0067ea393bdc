import { Redis } from 'ioredis'

/** What Redis says of itself. */
export interface RedisFacts {
  readonly usedBytes: number
  /** Since it was started. */
  readonly peakBytes: number
  /** Commands that it refused because it was full, since it was started. */
  readonly refusedCount: number
}

export async function readRedisFacts(port: number): Promise<RedisFacts> {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    await client.connect()
    const [memory, errors] = await Promise.all([client.info('memory'), client.info('errorstats')])
    const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
    return {
      usedBytes: number(memory, /^used_memory:(\d+)/m),
      peakBytes: number(memory, /^used_memory_peak:(\d+)/m),
      refusedCount: number(errors, /^errorstat_OOM:count=(\d+)/m),
    }
  } finally {
    client.disconnect()
  }
}
