import { access, constants, mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessSpec } from './child-process.ts'

const POLL_MS = 25
const PING_MAX_MS = 1_000

/** Where a Redis of the stack's own listens. */
export interface RedisEndpoint {
  readonly port: number
  readonly password: string
}

export function redisUrl({ port, password }: RedisEndpoint): string {
  return `redis://:${password}@127.0.0.1:${port}`
}

/**
 * A Redis that keeps every write it acknowledged: append-only file, synced before each answer, and
 * no eviction. The password is in a file rather than on the command line, which every user sees.
 */
export async function redisServerSpec(input: {
  readonly dataDir: string
  readonly endpoint: RedisEndpoint
  readonly env: Readonly<Record<string, string>>
}): Promise<ProcessSpec> {
  const { endpoint, env } = input
  const directory = join(input.dataDir, 'redis')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const config = join(directory, 'redis.conf')
  const settings = [
    `port ${endpoint.port}`,
    'bind 127.0.0.1',
    `requirepass ${endpoint.password}`,
    `dir "${directory}"`,
    'appendonly yes',
    'appendfsync always',
    'maxmemory-policy noeviction',
    'save ""',
    'daemonize no',
    'logfile ""',
  ]
  await writeFile(config, `${settings.join('\n')}\n`, { mode: 0o600 })
  return {
    name: 'redis',
    command: await findRedisServer(env.PATH ?? ''),
    args: [config],
    env,
    cwd: directory,
  }
}

async function findRedisServer(path: string): Promise<string> {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const directory of path.split(':')) {
      const file = join(directory, name)
      if (await isExecutable(file)) return file
    }
  }
  throw new Error('Neither redis-server nor valkey-server is on the PATH: install one of them')
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Waits until Redis has loaded its data and answers. */
export async function redisReady(endpoint: RedisEndpoint, signal: AbortSignal): Promise<void> {
  while (!(await ping(endpoint))) await sleep(POLL_MS, undefined, { signal })
}

function ping({ port, password }: RedisEndpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.setTimeout(PING_MAX_MS, () => socket.destroy())
    socket.on('connect', () => socket.end(`AUTH ${password}\r\nPING\r\nQUIT\r\n`))
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer.includes('+PONG')))
  })
}
