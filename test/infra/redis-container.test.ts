import { after, before, describe, it } from 'node:test'
import { openRedis, type RedisConnection } from '@firn/redis'
import { createRedisJobStore } from '@firn/store'
import { describeJobStore } from '@firn/testing'
import { canRun, runCommand } from './run-command.ts'

const IMAGE = 'redis:7-bookworm'
const never = new AbortController().signal
const limit = { timeoutMs: 60_000 }

async function whyNoContainer(): Promise<string | null> {
  if (!(await canRun('docker', 'info'))) return 'no Docker engine answers'
  const isHere = await canRun('docker', 'image', 'inspect', IMAGE)
  if (isHere || (await canRun('docker', 'pull', '--quiet', IMAGE))) return null
  return `the image ${IMAGE} is not here and cannot be pulled`
}

const reason = await whyNoContainer()
if (reason === null) overContainer()
else
  describe('JobStore over the Redis of docker-compose.yml', () =>
    it('keeps its contract', { skip: reason }))

/** The contract of job stores over the image, and with the settings, of docker-compose.yml. */
function overContainer(): void {
  let id = ''
  let connection: RedisConnection

  before(async () => {
    const settings = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']
    const command = ['redis-server', ...settings, '--maxmemory-policy', 'noeviction']
    const run = ['docker', 'run', '--detach', '--rm', '--publish', '127.0.0.1::6379', IMAGE]
    id = (await runCommand([...run, ...command], limit)).trim()
    const address = (await runCommand(['docker', 'port', id, '6379/tcp'], limit)).trim()
    // Connecting is repeated until Redis is there.
    connection = await openRedis({ url: `redis://${address}`, role: 'worker' }, never)
  })
  after(async () => {
    await connection?.[Symbol.asyncDispose]()
    if (id !== '') await runCommand(['docker', 'rm', '--force', '--volumes', id], limit)
  })

  describeJobStore('Redis of docker-compose.yml', async () => {
    await connection.client.flushall()
    return createRedisJobStore({ redis: connection.client })
  })
}
