import type { RedisHealth } from '@firn/redis'
import { Gauge, type Registry } from 'prom-client'

const gauges: readonly {
  readonly name: string
  readonly help: string
  /** Null has no sample. */
  readonly sampleOf: (health: RedisHealth) => number | null
}[] = [
  {
    name: 'firn_redis_memory_used_bytes',
    help: 'Memory that Redis uses',
    sampleOf: (health) => health.usedMemoryBytes,
  },
  {
    name: 'firn_redis_memory_limit_bytes',
    help: 'maxmemory of Redis, or the memory of its machine without one',
    sampleOf: (health) => health.memoryLimitBytes,
  },
  {
    name: 'firn_redis_clients',
    help: 'Connections to Redis',
    sampleOf: (health) => health.connectedClients,
  },
  {
    name: 'firn_redis_replicas',
    help: 'Replicas connected to Redis',
    sampleOf: (health) => health.connectedReplicas,
  },
  {
    name: 'firn_redis_commands_per_second',
    help: 'Commands that Redis ran lately',
    sampleOf: (health) => health.commandsPerSecond,
  },
  {
    name: 'firn_redis_aof_enabled',
    help: 'Whether Redis keeps an append-only file: 1 or 0',
    sampleOf: (health) => Number(health.isAofEnabled),
  },
  {
    name: 'firn_redis_aof_ok',
    help: 'Whether the latest write and rewrite of the append-only file succeeded: 1 or 0',
    sampleOf: (health) => Number(health.isAofHealthy),
  },
  {
    name: 'firn_redis_certificate_expiry_timestamp_seconds',
    help: 'When the certificate of Redis ends, as seen when it was connected to; only with TLS',
    sampleOf: ({ certificateEndMs }) => certificateEndMs && certificateEndMs / 1000,
  },
]

/**
 * What Redis says of itself, asked once for each scrape. The same over all finalizers: take the
 * `max`, never the sum. While Redis is away `firn_redis_up` is 0 and the others have no samples.
 */
export function createRedisMetrics(
  registry: Registry,
  readHealth: () => Promise<RedisHealth>,
): void {
  const registers = [registry]
  let asked: Promise<RedisHealth | null> | null = null
  // All gauges of a scrape ask at the same time.
  const ask = (): Promise<RedisHealth | null> => {
    asked ??= readHealth()
      .catch(() => null)
      .finally(() => {
        asked = null
      })
    return asked
  }
  new Gauge({
    name: 'firn_redis_up',
    help: 'Whether Redis answers: 1 or 0',
    registers,
    async collect() {
      this.set((await ask()) === null ? 0 : 1)
    },
  })
  for (const { name, help, sampleOf } of gauges) {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        const health = await ask()
        const sample = health === null ? null : sampleOf(health)
        if (sample === null) this.remove()
        else this.set(sample)
      },
    })
  }
}
