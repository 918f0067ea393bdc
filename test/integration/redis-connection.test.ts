import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { checkRedis, openRedis } from '@firn/redis'
import { startRedis, until } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const never = new AbortController().signal
const redisUrl = useRedis({ appendfsync: 'always' })
const unavailable = { name: 'AppError', code: 'STORE_UNAVAILABLE' }

describe('openRedis()', { timeout: 120_000 }, () => {
  it('refuses when nobody answers in time, and says where it looked', async () => {
    await using silent = createServer((socket) => socket.resume())
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const address = silent.address()
    assert.ok(address !== null && typeof address === 'object')
    const url = `redis://ann:secret@127.0.0.1:${address.port}`
    const opening = openRedis({ url, role: 'worker', readyTimeoutMs: 200 }, never)
    await assert.rejects(opening, (error) => {
      assert.ok(error instanceof AppError)
      assert.equal(error.code, 'STORE_UNAVAILABLE')
      assert.equal(error.message, `Cannot connect to Redis at redis://127.0.0.1:${address.port}`)
      return true
    })
  })

  it("stops trying with the signal's reason", async () => {
    const reason = new Error('enough')
    const stop = new AbortController()
    const opening = openRedis({ url: 'redis://127.0.0.1:1', role: 'worker' }, stop.signal)
    stop.abort(reason)
    await assert.rejects(opening, reason)
  })

  it('fails fast for a producer and waits for a worker while Redis is away', async () => {
    await using server = await startRedis({ appendfsync: 'always' })
    const outages: string[] = []
    const { url } = server
    await using producer = await openRedis(
      { url, role: 'producer', onOutage: (error) => outages.push(error.message) },
      never,
    )
    await using worker = await openRedis({ url, role: 'worker' }, never)
    await server.kill('SIGKILL')
    await until(() => producer.client.status !== 'ready', { timeoutMs: 10_000 })
    await assert.rejects(producer.client.set('a', '1'))
    await assert.rejects(producer.ping(never), unavailable)
    await assert.rejects(worker.ping(never), unavailable)
    const written = worker.client.set('a', '2')
    await until(() => outages.length > 0, { timeoutMs: 10_000 })
    await server.restart()
    await written
    assert.equal(await worker.client.get('a'), '2')
    await until(
      () =>
        producer.ping(never).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    )
    assert.equal(outages.length, 1)
  })

  it('rejects in time when Redis is frozen', async () => {
    await using server = await startRedis()
    await using producer = await openRedis(
      { url: server.url, role: 'producer', commandTimeoutMs: 200 },
      never,
    )
    await server.kill('SIGSTOP')
    await assert.rejects(producer.client.set('a', '1'), /timed out/)
    await assert.rejects(producer.ping(never), unavailable)
    await server.kill('SIGCONT')
    await producer.ping(never)
  })

  it('makes a connection anew that has gone silent, and sends again what waited', async () => {
    await using server = await startRedis()
    const sockets: Socket[] = []
    await using proxy = createServer((socket) => {
      const upstream = connect(server.port, '127.0.0.1')
      sockets.push(socket, upstream)
      socket.on('error', () => {}).pipe(upstream)
      upstream.on('error', () => {}).pipe(socket)
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    const address = proxy.address()
    assert.ok(address !== null && typeof address === 'object')
    const url = `redis://127.0.0.1:${address.port}`
    {
      await using worker = await openRedis({ url, role: 'worker', silenceMaxMs: 300 }, never)
      const [downstream, upstream] = sockets
      downstream?.unpipe()
      upstream?.unpipe()
      await worker.client.set('a', '1')
      assert.equal(await worker.client.get('a'), '1')
    }
    for (const socket of sockets) socket.destroy()
  })

  it('connects through a Unix socket', async () => {
    await using server = await startRedis({ settings: [['unixsocket', 'redis.sock']] })
    const url = `unix://${join(server.dir, 'redis.sock')}?db=3`
    await using connection = await openRedis({ url, role: 'producer', name: 'firn-test' }, never)
    await connection.ping(never)
    assert.match(String(await connection.client.call('CLIENT', 'INFO')), /name=firn-test .*db=3/)
  })
})

describe('checkRedis()', { timeout: 120_000 }, () => {
  const check = async (...settings: readonly (readonly [string, string])[]) => {
    await using connection = await openRedis({ url: await redisUrl(), role: 'producer' }, never)
    for (const [name, value] of settings) await connection.client.config('SET', name, value)
    return await checkRedis(connection, never)
  }

  it('has nothing to say of noeviction with appendfsync always', async () => {
    assert.deepEqual(await check(['appendfsync', 'always']), [])
  })

  it('warns of appendfsync everysec', async () => {
    const [warning = '', ...others] = await check(['appendfsync', 'everysec'])
    assert.match(warning, /appendfsync is "everysec".*set "appendfsync always"/)
    assert.deepEqual(others, [])
  })

  it('warns when there is no append-only file', async () => {
    const [warning = ''] = await check(['appendonly', 'no'])
    assert.match(warning, /no append-only file.*set "appendonly yes"/)
  })

  it('refuses a Redis that evicts', async () => {
    await assert.rejects(check(['maxmemory-policy', 'allkeys-lru']), (error) => {
      assert.ok(error instanceof AppError)
      assert.match(error.message, /is "allkeys-lru".*set "maxmemory-policy noeviction"/)
      return true
    })
  })

  it('refuses a read-only replica', async () => {
    await using primary = await startRedis()
    const replicaof = ['replicaof', `127.0.0.1 ${primary.port}`] as const
    await using server = await startRedis({ settings: [replicaof] })
    await using connection = await openRedis({ url: server.url, role: 'producer' }, never)
    await assert.rejects(checkRedis(connection, never), (error) => {
      assert.ok(error instanceof AppError)
      assert.match(error.message, /read-only replica; point REDIS_URL at the primary/)
      return true
    })
  })
})
