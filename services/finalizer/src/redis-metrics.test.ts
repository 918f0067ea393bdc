import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RedisHealth } from '@firn/redis'
import { Registry } from 'prom-client'
import { createRedisMetrics } from './redis-metrics.ts'

const health: RedisHealth = {
  usedMemoryBytes: 300,
  memoryLimitBytes: 1000,
  connectedClients: 5,
  connectedReplicas: 1,
  commandsPerSecond: 42,
  isAofEnabled: true,
  isAofHealthy: false,
  certificateEndMs: null,
}

describe('createRedisMetrics()', () => {
  it('asks Redis once a scrape', async () => {
    const registry = new Registry()
    let asked = 0
    createRedisMetrics(registry, async () => {
      asked += 1
      return health
    })
    const text = await registry.metrics()
    assert.equal(asked, 1)
    assert.match(text, /^firn_redis_up 1$/m)
    assert.match(text, /^firn_redis_memory_used_bytes 300$/m)
    assert.match(text, /^firn_redis_aof_ok 0$/m)
    await registry.metrics()
    assert.equal(asked, 2)
  })

  it('tells of a certificate only when there is one', async () => {
    const expiry = async (certificateEndMs: number | null): Promise<string | undefined> => {
      const registry = new Registry()
      createRedisMetrics(registry, async () => ({ ...health, certificateEndMs }))
      return /^firn_redis_certificate\S+ (\d+)$/m.exec(await registry.metrics())?.[1]
    }
    assert.equal(await expiry(null), undefined)
    assert.equal(await expiry(1_800_000_000_000), '1800000000')
  })

  it('shows no old numbers while Redis is away', async () => {
    const registry = new Registry()
    let isAway = false
    createRedisMetrics(registry, async () => {
      if (isAway) throw new Error('away')
      return health
    })
    await registry.metrics()
    isAway = true
    const text = await registry.metrics()
    assert.match(text, /^firn_redis_up 0$/m)
    assert.doesNotMatch(text, /^firn_redis_(memory|aof|clients)/m)
  })
})
