import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLease, openRedis } from '@firn/redis'
import { startRedis, until } from '@firn/testing'
import { openDuty } from '../../services/finalizer/src/duty.ts'

const { signal } = new AbortController()
const TTL_MS = 2000
const LIMIT = { timeoutMs: 20_000 }

async function openLeases() {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await startRedis())
  const redis = resources.use(await openRedis({ url: server.url, role: 'worker' }, signal))
  const leaseOf = (holder: string, ttlMs = TTL_MS) =>
    createLease({ redis: redis.client, key: 'lease', holder, ttlMs })
  const owned = resources.move()
  const { client } = redis
  return { server, client, leaseOf, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

describe('createLease()', () => {
  it('is held by one, who may prolong it, and by the next once it is released', async () => {
    await using leases = await openLeases()
    const first = leases.leaseOf('first')
    const second = leases.leaseOf('second')
    assert.equal(await first.hold(signal), true)
    assert.equal(await first.hold(signal), true)
    assert.equal(await second.hold(signal), false)
    await second.release(signal)
    assert.equal(await second.hold(signal), false, 'another one released it')
    await first.release(signal)
    assert.equal(await second.hold(signal), true)
  })

  it('ends when its holder says nothing', async () => {
    await using leases = await openLeases()
    assert.equal(await leases.leaseOf('first', 50).hold(signal), true)
    const second = leases.leaseOf('second')
    await until(() => second.hold(signal), LIMIT)
  })

  it('rejects when Redis says nothing', async () => {
    await using leases = await openLeases()
    await leases.server.kill('SIGSTOP')
    await assert.rejects(leases.leaseOf('first', 300).hold(signal), /no answer within 100 ms/)
    await leases.server.kill('SIGCONT')
  })
})

describe('openDuty()', () => {
  it('is on for one of two, and for the other once the first ends', async () => {
    await using leases = await openLeases()
    const onError = (error: unknown): void => assert.fail(String(error))
    const options = { redis: leases.client, ttlMs: TTL_MS, onError }
    await using first = openDuty(options)
    await until(async () => first.isOn(), LIMIT)
    await using second = openDuty(options)
    assert.equal(second.isOn(), false)
    await first[Symbol.asyncDispose]()
    assert.equal(first.isOn(), false)
    await until(async () => second.isOn(), LIMIT)
  })

  it('is over before the lease is when Redis stops answering', async () => {
    await using leases = await openLeases()
    const errors: unknown[] = []
    const onError = (error: unknown): void => void errors.push(error)
    await using duty = openDuty({ redis: leases.client, ttlMs: 600, onError })
    await until(async () => duty.isOn(), LIMIT)
    await leases.server.kill('SIGSTOP')
    await until(async () => !duty.isOn() && errors.length > 0, LIMIT)
    await leases.server.kill('SIGCONT')
    await until(async () => duty.isOn(), LIMIT)
  })
})
