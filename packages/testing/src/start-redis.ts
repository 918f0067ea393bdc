import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from './until.ts'

export interface StartRedisOptions {
  /** Default `no`: no append-only file at all. */
  readonly appendfsync?: 'always' | 'everysec' | 'no'
  /** A cluster of this one node, which holds every slot and still refuses to cross slots. */
  readonly isCluster?: boolean
  /** Where it keeps its data, as on a disk of its own; left in place. Default: a scratch directory. */
  readonly dir?: string
  /** Further redis-server settings, such as `['maxmemory-policy', 'allkeys-lru']`. */
  readonly settings?: readonly (readonly [name: string, value: string])[]
}

/** A redis-server of this process alone. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Of the process that runs at the moment. */
  readonly pid: () => number
  readonly dir: string
  /** Sends a signal: SIGSTOP freezes it, SIGCONT thaws it, SIGKILL is a crash. */
  readonly kill: (signal: NodeJS.Signals) => Promise<void>
  /** Starts it again, on the same port and directory, after it was killed. */
  readonly restart: () => Promise<void>
}

/**
 * Starts a real redis-server on a free port of the loopback interface. Disposing ends that server
 * and deletes its scratch directory.
 */
export async function startRedis(options: StartRedisOptions = {}): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'firn-redis-')))
  const port = await freePort()
  const clusterSettings = options.isCluster ? await clusterOfOne() : []
  const settings = [...clusterSettings, ...(options.settings ?? [])]
  const start = (): Promise<ChildProcess> => spawnRedis(port, dir, { ...options, settings })
  let child = await start()
  if (options.isCluster) await takeAllSlots(port)
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => child.pid ?? 0,
    dir,
    async kill(signal) {
      child.kill(signal)
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await ended(child)
    },
    async restart() {
      child = await start()
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended(child)
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true })
    },
  }
}

async function spawnRedis(
  port: number,
  dir: string,
  { appendfsync, settings = [] }: StartRedisOptions,
): Promise<ChildProcess> {
  const all: readonly (readonly [string, string])[] = [
    ['bind', '127.0.0.1'],
    ['port', String(port)],
    ['dir', dir],
    ['save', ''],
    ['maxmemory-policy', 'noeviction'],
    ['appendonly', appendfsync === undefined || appendfsync === 'no' ? 'no' : 'yes'],
    ...(appendfsync === undefined ? [] : [['appendfsync', appendfsync] as const]),
    ...settings,
  ]
  const args = all.flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await once(child, 'spawn')
    endWithThisProcess(child)
  } catch (cause) {
    const hint = 'install it: "apt-get install redis-server" or "brew install redis"'
    throw new Error(`Cannot start redis-server; ${hint}`, { cause })
  }
  try {
    await until(() => answers(port), { timeoutMs: 10_000 })
  } catch (cause) {
    child.kill('SIGKILL')
    throw new Error(`redis-server on port ${port} does not answer`, { cause })
  }
  return child
}

/** For a test that ends without disposing: it has timed out, was told to stop or was killed. */
function endWithThisProcess(child: ChildProcess): void {
  const guard = spawn('sh', ['-c', `read -r _; kill -KILL ${child.pid}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // What ends a whole group of processes spares it.
    detached: true,
  })
  guard.unref()
  guard.stdin.on('error', () => {})
  child.once('exit', () => guard.kill())
}

async function clusterOfOne(): Promise<(readonly [string, string])[]> {
  return [
    ['cluster-enabled', 'yes'],
    ['cluster-announce-ip', '127.0.0.1'],
    // The default, 10,000 above the port, may not exist.
    ['cluster-port', String(await freePort())],
  ]
}

async function takeAllSlots(port: number): Promise<void> {
  const redis = new Redis({ port })
  await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  const isReady = async (): Promise<boolean> =>
    String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok')
  await until(isReady, { timeoutMs: 20_000 })
  redis.disconnect()
}

async function answers(port: number): Promise<boolean> {
  const redis = new Redis({ port, lazyConnect: true, retryStrategy: () => null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return (await redis.ping()) === 'PONG'
  } catch {
    return false
  } finally {
    redis.disconnect()
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function freePort(): Promise<number> {
  await using server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
