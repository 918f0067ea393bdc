import type { Cluster, Redis } from 'ioredis'

/** What Redis says of its memory; of a cluster, of its fullest primary. */
export interface RedisMemory {
  readonly usedBytes: number
  /** 0 when no limit is set. */
  readonly maxBytes: number
}

/** Reads how much memory Redis uses. Rejects when it does not answer. */
export async function readMemory(client: Redis | Cluster): Promise<RedisMemory> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client]
  const memories = await Promise.all(nodes.map(async (node) => parse(await node.info('memory'))))
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
