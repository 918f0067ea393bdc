import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { fill, openRedis, readMemory } from '@firn/redis'
import { until } from '@firn/testing'
import { watchAdmission } from '../../services/api/src/admission.ts'
import { useRedis } from './use-redis.ts'

const { signal } = new AbortController()
const redisUrl = useRedis()

describe('watchAdmission()', () => {
  it('refuses jobs before Redis is full, and takes them again once there is room', async () => {
    await using redis = await openRedis({ url: await redisUrl(), role: 'producer' }, signal)
    const { client } = redis
    let queuedCount = 0
    await using admission = watchAdmission({
      readMemory: (until) => readMemory(client, until),
      countQueued: async () => queuedCount,
      intervalMs: 10,
      onError: (error) => assert.fail(String(error)),
    })
    const isOpen = () => {
      try {
        admission.check()
        return true
      } catch (error) {
        assert.ok(error instanceof AppError && error.code === 'STORE_UNAVAILABLE')
        assert.match(error.message, /\d+ % of its memory/)
        return false
      }
    }
    assert.equal(fill(await readMemory(client, signal)), 0)
    assert.equal(isOpen(), true)

    const { usedBytes } = await readMemory(client, signal)
    await client.call('CONFIG', 'SET', 'maxmemory', String(usedBytes + 32 * 1024 ** 2))
    const keys = Array.from({ length: 22 }, (_, index) => `ballast${index}`)
    for (const key of keys) await client.set(key, Buffer.alloc(1024 ** 2))
    await until(() => !isOpen(), { timeoutMs: 10_000 })
    await client.del(...keys)
    await until(isOpen, { timeoutMs: 10_000 })

    // 24 of 32 MiB are free, and 10,000 jobs that wait will need 29 MiB.
    queuedCount = 10_000
    await until(() => !isOpen(), { timeoutMs: 10_000 })
    queuedCount = 0
    await until(isOpen, { timeoutMs: 10_000 })
  })
})
