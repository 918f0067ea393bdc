import type { Cluster, Redis } from 'ioredis'
import { withDeadline } from './with-deadline.ts'

/** What Redis says of its memory; of a cluster, of its fullest primary. */
export interface RedisMemory {
  readonly usedBytes: number
  /** 0 when no limit is set. */
  readonly maxBytes: number
}

const TIMEOUT_MS = 2000

/** Reads how much memory Redis uses. Rejects when it does not answer, or when aborted. */
export async function readMemory(
  client: Redis | Cluster,
  signal: AbortSignal,
): Promise<RedisMemory> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client]
  // A worker's command would join the queue of those that wait for the connection.
  if (nodes.length === 0 || nodes.some(({ status }) => status !== 'ready')) {
    throw new Error('Redis is not connected')
  }
  const infos = Promise.all(nodes.map((node) => node.info('memory')))
  const memories = (await withDeadline(infos, TIMEOUT_MS, signal)).map(parse)
  return memories.reduce((fullest, one) => (fill(one) > fill(fullest) ? one : fullest))
}

/** How full it is, from 0 to about 1; 0 without a limit. */
export function fill({ usedBytes, maxBytes }: RedisMemory): number {
  return maxBytes === 0 ? 0 : usedBytes / maxBytes
}

function parse(info: string): RedisMemory {
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return { usedBytes: field('used_memory'), maxBytes: field('maxmemory') }
}
