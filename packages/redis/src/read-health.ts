import type { Cluster, Redis } from 'ioredis'
import { certificateEndMs } from './certificate-end.ts'
import { withDeadline } from './with-deadline.ts'

/** What INFO says. */
interface RedisInfo {
  /** Of a cluster, this and the limit are those of its fullest primary: writes fail once that is full. */
  readonly usedMemoryBytes: number
  /** `maxmemory`; the machine's memory where that is not set. */
  readonly memoryLimitBytes: number
  readonly connectedClients: number
  readonly connectedReplicas: number
  readonly commandsPerSecond: number
  readonly isAofEnabled: boolean
  /** Whether the latest write and the latest rewrite of the append-only file succeeded. */
  readonly isAofHealthy: boolean
}

/** What Redis says of itself; of a cluster, of all primaries together but for memory. */
export interface RedisHealth extends RedisInfo {
  /** When the first of its certificates ends, Unix time; null without TLS. */
  readonly certificateEndMs: number | null
}

/** Reads INFO. Rejects when Redis does not answer within `timeoutMs`. */
export async function readHealth(
  client: Redis | Cluster,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<RedisHealth> {
  const nodes = 'nodes' in client ? client.nodes('master') : [client]
  // A worker's command would join the queue of those that wait for the connection.
  if (nodes.length === 0 || nodes.some(({ status }) => status !== 'ready')) {
    throw new Error('Redis is not connected')
  }
  const infos = Promise.all(nodes.map((node) => node.info()))
  const healths = (await withDeadline(infos, timeoutMs, signal)).map(parseHealth)
  return { ...healths.reduce(addHealth), certificateEndMs: certificateEndMs(nodes) }
}

/** What two primaries of a cluster are together. */
export function addHealth(sum: RedisInfo, one: RedisInfo): RedisInfo {
  return {
    ...fullest(sum, one),
    connectedClients: sum.connectedClients + one.connectedClients,
    connectedReplicas: sum.connectedReplicas + one.connectedReplicas,
    commandsPerSecond: sum.commandsPerSecond + one.commandsPerSecond,
    isAofEnabled: sum.isAofEnabled && one.isAofEnabled,
    isAofHealthy: sum.isAofHealthy && one.isAofHealthy,
  }
}

type Memory = Pick<RedisInfo, 'usedMemoryBytes' | 'memoryLimitBytes'>

function fullest(a: Memory, b: Memory): Memory {
  const fill = ({ usedMemoryBytes, memoryLimitBytes }: Memory) => usedMemoryBytes / memoryLimitBytes
  const { usedMemoryBytes, memoryLimitBytes } = fill(a) >= fill(b) ? a : b
  return { usedMemoryBytes, memoryLimitBytes }
}

/** Reads the text of INFO; a field that a managed service leaves out counts as 0 or as well. */
export function parseHealth(info: string): RedisInfo {
  const text = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? ''
  const number = (name: string) => Number(text(name)) || 0
  return {
    usedMemoryBytes: number('used_memory'),
    memoryLimitBytes: number('maxmemory') || number('total_system_memory'),
    connectedClients: number('connected_clients'),
    connectedReplicas: number('connected_slaves'),
    commandsPerSecond: number('instantaneous_ops_per_sec'),
    isAofEnabled: text('aof_enabled') === '1',
    isAofHealthy:
      text('aof_last_write_status') !== 'err' && text('aof_last_bgrewrite_status') !== 'err',
  }
}
