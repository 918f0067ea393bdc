import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openRedis } from '@firn/redis'
import { createRedisJobStore } from '@firn/store'
import { aJob, startRedis, until } from '@firn/testing'

const never = new AbortController().signal

/** One Sentinel that watches `primaryPort` as `firn` and needs nobody's vote. */
async function startSentinel(primaryPort: number): Promise<{ port: number } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'firn-sentinel-'))
  const file = join(dir, 'sentinel.conf')
  const probe = createServer()
  await once(probe.listen(0, '127.0.0.1'), 'listening')
  const address = probe.address()
  assert.ok(address !== null && typeof address === 'object')
  probe.close()
  const lines = [
    'bind 127.0.0.1',
    `port ${address.port}`,
    `dir ${dir}`,
    `sentinel monitor firn 127.0.0.1 ${primaryPort} 1`,
    'sentinel down-after-milliseconds firn 500',
    'sentinel failover-timeout firn 5000',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
      await rm(dir, { recursive: true, force: true })
    },
  }
}

describe('Sentinel', { timeout: 120_000 }, () => {
  it('lets the store go on with the replica when the primary is killed', async () => {
    await using primary = await startRedis()
    const replicaof = ['replicaof', `127.0.0.1 ${primary.port}`] as const
    await using replica = await startRedis({ settings: [replicaof] })
    await using sentinel = await startSentinel(primary.port)
    await using direct = await openRedis({ url: replica.url, role: 'worker' }, never)
    await until(async () => /master_link_status:up/.test(await direct.client.info('replication')), {
      timeoutMs: 20_000,
    })

    const url = `redis+sentinel://127.0.0.1:${sentinel.port}/firn`
    await using connection = await openRedis({ url, role: 'worker' }, never)
    const store = createRedisJobStore({ redis: connection.client })
    const job = aJob()
    await store.create(job, never)
    assert.equal(await connection.client.wait(1, 5000), 1)

    await until(async () => /num-slaves.*[1-9]/s.test(await sentinelState(sentinel.port)), {
      timeoutMs: 30_000,
    })
    await primary.kill('SIGKILL')
    const saved = { ...job, updatedAtMs: 77 }
    assert.equal(await store.save(saved, 1, never), true)
    assert.match(await direct.client.info('replication'), /role:master/)
    assert.deepEqual((await store.load(job.definition.id, never))?.job, saved)
  })
})

async function sentinelState(port: number): Promise<string> {
  const url = `redis://127.0.0.1:${port}`
  await using connection = await openRedis({ url, role: 'worker' }, never)
  const reply: unknown = await connection.client.call('SENTINEL', 'MASTER', 'firn')
  assert.ok(Array.isArray(reply))
  const at = reply.indexOf('num-slaves')
  return `num-slaves ${reply[at + 1]}`
}
