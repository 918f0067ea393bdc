import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisServer, startRedis } from '@firn/testing'
import { Redis } from 'ioredis'
import { type ChaosProxy, openChaosProxy } from './chaos-proxy.ts'
import { WAIT_MAX_MS } from './world.ts'

const SENTINEL_COUNT = 3
const QUORUM = 2
/** Between two attempts, if the first fails. */
const FAILOVER_MS = 5000
/**
 * After so long a time Sentinel would have the replica follow the primary where Sentinel itself
 * sees it, past the link. Only while a primary is alive.
 */
const LINK_MS = 600_000
const NAME = 'firn'

/** A primary with a replica, watched by Sentinels, all real processes. */
export interface Sentinels extends AsyncDisposable {
  /** What REDIS_URL is. */
  readonly url: string
  readonly primary: RedisServer
  readonly replica: RedisServer
  /** From the primary to the replica. */
  readonly link: ChaosProxy
  /** Resolves once the replica is a primary; the one before must be dead. */
  readonly untilPromoted: () => Promise<void>
}

export async function openSentinels(): Promise<Sentinels> {
  await using resources = new AsyncDisposableStack()
  const primary = resources.use(await startRedis({ appendfsync: 'always' }))
  const link = resources.use(await openChaosProxy(primary.port))
  const replica = resources.use(
    await startRedis({
      appendfsync: 'always',
      settings: [['replicaof', `127.0.0.1 ${link.port}`]],
    }),
  )
  await untilInfo(replica.port, /master_link_status:up/)
  const ports: number[] = []
  for (let index = 0; index < SENTINEL_COUNT; index += 1) {
    const sentinel = resources.use(await startSentinel(primary.port))
    ports.push(sentinel.port)
  }
  for (const port of ports) {
    await untilKnown(port, 'num-slaves', 1)
    await untilKnown(port, 'num-other-sentinels', SENTINEL_COUNT - 1)
  }
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
  const owned = resources.move()
  return {
    url: `redis+sentinel://${hosts}/${NAME}`,
    ...{ primary, replica, link },
    async untilPromoted() {
      for (const port of ports) await hurry(port)
      await untilInfo(replica.port, /role:master/)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function startSentinel(primaryPort: number): Promise<{ port: number } & AsyncDisposable> {
  const dir = await mkdtemp(join(tmpdir(), 'firn-sentinel-'))
  const file = join(dir, 'sentinel.conf')
  const port = await freePort()
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${dir}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} ${QUORUM}`,
    `sentinel down-after-milliseconds ${NAME} 3000`,
    `sentinel failover-timeout ${NAME} ${LINK_MS}`,
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  const end = (): boolean => child.kill('SIGKILL')
  process.once('exit', end)
  return {
    port,
    async [Symbol.asyncDispose]() {
      end()
      await ended(child)
      process.removeListener('exit', end)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function untilInfo(port: number, pattern: RegExp): Promise<void> {
  await untilAsked(port, async (redis) => pattern.test(await redis.info('replication')))
}

async function hurry(port: number): Promise<void> {
  await untilAsked(port, async (redis) => {
    await redis.call('SENTINEL', 'SET', NAME, 'failover-timeout', FAILOVER_MS)
    return true
  })
}

/** Sentinel lists what it knows of the primary as names and values in turn. */
async function untilKnown(port: number, field: string, count: number): Promise<void> {
  await untilAsked(port, async (redis) => {
    const reply: unknown = await redis.call('SENTINEL', 'MASTER', NAME)
    return Array.isArray(reply) && reply[reply.indexOf(field) + 1] === String(count)
  })
}

async function untilAsked(port: number, ask: (redis: Redis) => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MAX_MS
  for (;;) {
    const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
    redis.on('error', () => {})
    const isSo = await redis
      .connect()
      .then(() => ask(redis))
      .catch(() => false)
    redis.disconnect()
    if (isSo) return
    if (Date.now() > deadline) throw new Error(`Port ${port} never says what was waited for`)
    await sleep(100)
  }
}

async function freePort(): Promise<number> {
  await using server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No TCP address')
  return address.port
}
