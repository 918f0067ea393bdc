import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MIB } from '@firn/core'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { openBenchStack } from './bench-stack.ts'
import type { Row, Section } from './section.ts'
import { startSink } from './sink.ts'
import { quantileOf } from './stats.ts'

const PING_EVERY_MS = 5
/** What Redis notes; the goal is far above it. */
const LATENCY_FROM_MS = 1
const LatencyEvents = z.array(
  z.tuple([z.string(), z.number(), z.number(), z.number()]).rest(z.number()),
)
const MemoryUsage = z.number().nullable()

/**
 * One archive of very many parts: what Redis keeps of it, and how long its longest call holds up
 * everybody else. Redis itself says the latter: a PING from outside also waits for a turn on the
 * CPU and for the disk, and is shown beside it.
 */
export const measureManyParts: Section = async (context, _deadline, signal) => {
  const { manyParts, scratch } = context
  const file = join(scratch, 'many-parts.bin')
  await writeFile(file, '')
  await truncate(file, manyParts * MIB)
  await using sink = await startSink({ latencyMs: 0 }, signal)
  await using stack = await openBenchStack({ context, workerCount: 2, sinkUrl: sink.url }, signal)
  const redis = new Redis(stack.stack.redisUrl)
  try {
    await redis.config('SET', 'latency-monitor-threshold', LATENCY_FROM_MS)
    const finished = new AbortController()
    const [{ job }, pingMs] = await Promise.all([
      stack.archive({ file, partSizeBytes: MIB }, signal).finally(() => finished.abort()),
      pingUntil(redis, finished.signal),
    ])
    const latencyMs = await longestByEvent(redis)
    const bytes = await memoryOf(redis, job.id)
    return [
      ...memoryRows(manyParts, bytes),
      {
        id: 'redis.longest-call',
        what: `longest call inside Redis, ${manyParts} parts`,
        value: Math.max(latencyMs.get('command') ?? 0, latencyMs.get('fast-command') ?? 0),
        unit: 'ms',
        goal: { is: 'at most', value: 20 },
        detail: `longest sync of the append-only file ${latencyMs.get('aof-fsync-always') ?? 0} ms; 0 stands for less than ${LATENCY_FROM_MS}`,
      },
      {
        id: 'redis.longest-ping',
        what: 'longest PING meanwhile',
        value: Math.max(...pingMs),
        unit: 'ms',
        goal: null,
        detail: `p50 ${quantileOf(pingMs, 0.5).toFixed(1)}, p99 ${quantileOf(pingMs, 0.99).toFixed(1)}, ${pingMs.length} pings`,
      },
    ]
  } finally {
    redis.disconnect()
  }
}

function memoryRows(manyParts: number, bytes: ReadonlyMap<string, number>): readonly Row[] {
  const total = [...bytes.values()].reduce((sum, size) => sum + size, 0)
  return [
    {
      id: 'redis.bytes-per-part',
      what: `Redis at rest, ${manyParts} parts`,
      value: total / manyParts,
      unit: 'bytes/part',
      goal: { is: 'at most', value: 100 },
      detail: [...bytes].map(([name, size]) => `${name} ${size}`).join(', '),
    },
  ]
}

async function pingUntil(redis: Redis, finished: AbortSignal): Promise<readonly number[]> {
  const pingMs: number[] = []
  while (!finished.aborted) {
    const sentAtMs = performance.now()
    await redis.ping()
    pingMs.push(performance.now() - sentAtMs)
    await sleep(PING_EVERY_MS)
  }
  return pingMs
}

/** The longest of each kind of event since the monitor was set, in milliseconds. */
async function longestByEvent(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const events = LatencyEvents.parse(await redis.call('LATENCY', 'LATEST'))
  return new Map(events.map(([name, , , longestMs]) => [name, longestMs]))
}

/** Bytes of every key that belongs to the job, by the end of the key's name. */
async function memoryOf(redis: Redis, jobId: string): Promise<ReadonlyMap<string, number>> {
  const bytes = new Map<string, number>()
  for await (const keys of redis.scanStream({ match: `*${jobId}*`, count: 1000 })) {
    for (const key of z.array(z.string()).parse(keys)) {
      const size = MemoryUsage.parse(await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0'))
      // The last queue job may be on its way out.
      if (size === null) continue
      bytes.set(key.slice(key.lastIndexOf('}') + 1) || 'job', size)
    }
  }
  return bytes
}
