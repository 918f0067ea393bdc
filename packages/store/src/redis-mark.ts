import { randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { begunMarkKey, markKey } from './keys.ts'
import { storeCall } from './store-call.ts'
import type { MarkStore } from './store-facets.ts'

/** Longer than it takes to look at every job. */
const BEGUN_TTL_S = 24 * 3600

/**
 * The part of the store that knows whether it may have lost something. The mark names the server
 * process that was marked: a restart and a failover bring another, which may lack what the one
 * before had acknowledged.
 */
export function createRedisMark(redis: Redis | Cluster): MarkStore {
  return {
    hasMark: (signal) =>
      storeCall('look for the mark', signal, async () => {
        const [mark, servers] = await Promise.all([redis.get(markKey), serversOf(redis)])
        return mark === servers
      }),

    beginMark: (signal) =>
      storeCall('begin the mark', signal, async () => {
        const token = randomUUID()
        const servers = await serversOf(redis)
        await redis.set(begunMarkKey(token), '1', 'EX', BEGUN_TTL_S)
        return `${token} ${servers}`
      }),

    putMark: (begun, signal) =>
      storeCall('leave the mark', signal, async () => {
        const [token = '', servers = ''] = begun.split(' ')
        // Gone with whatever else was lost while the jobs were looked at.
        if ((await redis.del(begunMarkKey(token))) === 1) await redis.set(markKey, servers)
      }),
  }
}

/** Names the server process, of a cluster all primaries. Empty where a managed service hides it. */
async function serversOf(redis: Redis | Cluster): Promise<string> {
  const nodes = 'nodes' in redis ? redis.nodes('master') : [redis]
  const infos = await Promise.all(nodes.map((node) => node.info('server')))
  return infos
    .map((info) => /^run_id:(\w+)/m.exec(info)?.[1] ?? '')
    .sort()
    .join(',')
}
