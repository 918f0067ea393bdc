import type { RedisClient } from './open-redis.ts'
import { withDeadline } from './with-deadline.ts'

/**
 * Names the very processes that answer: another text means that Redis was started anew or that a
 * replica took over, and may have lost the latest writes that it had acknowledged. Rejects when
 * Redis does not answer within `timeoutMs`.
 */
export async function readRunId(
  client: RedisClient,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client]
  // A worker's command would join the queue of those that wait for the connection.
  if (nodes.length === 0 || nodes.some(({ status }) => status !== 'ready')) {
    throw new Error('Redis is not connected')
  }
  const infos = Promise.all(nodes.map((node) => node.info('server')))
  const texts = await withDeadline(infos, timeoutMs, signal)
  return texts
    .map((text) => /^run_id:(\w+)/m.exec(text)?.[1] ?? '')
    .sort()
    .join(' ')
}
