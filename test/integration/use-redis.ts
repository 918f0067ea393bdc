import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { after, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startRedis } from '@firn/testing'
import { Redis } from 'ioredis'
import { GenericContainer, getContainerRuntimeClient, ImageName, Wait } from 'testcontainers'

/** As in docker-compose.yml. */
const IMAGE = 'redis:7-bookworm'
const START_MAX_MS = 120_000
/** As long as a file of tests may take: then the container ends by itself, whatever died. */
const LIFETIME_S = 15 * 60
const GUARD = fileURLToPath(new URL('./container-guard.ts', import.meta.url))

// The helper that would tidy up comes in an image of its own, which not every machine can pull.
process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true'

interface RedisOptions {
  /** Default `no`: no append-only file at all. */
  readonly appendfsync?: 'always' | 'no'
}

interface TestRedis extends AsyncDisposable {
  readonly url: string
}

/** Null when there can be one. */
export const whyNoContainer = await findReason()

/**
 * A Redis for the tests of the file that calls this at its top: in a container that Testcontainers
 * starts, where a Docker engine answers; otherwise redis-server of this machine, and a test that is
 * skipped says so. It starts when its URL is first asked for. Tests that stop or freeze their Redis
 * start one of their own instead, with `startRedis`.
 */
export function useRedis(options: RedisOptions = {}): () => Promise<string> {
  let started: Promise<TestRedis> | undefined
  const url = async (): Promise<string> => {
    started ??= whyNoContainer === null ? startContainer(options) : startRedis(options)
    return (await started).url
  }
  after(async () => {
    await (await started)?.[Symbol.asyncDispose]()
  })
  const reason = `${whyNoContainer}: these tests use redis-server of this machine`
  it(`uses ${IMAGE} in a container`, {
    skip: whyNoContainer === null ? false : reason,
  }, async () => {
    const client = new Redis(await url())
    const [, directory] = (await client.config('GET', 'dir')) as string[]
    assert.equal(directory, '/data')
    client.disconnect()
  })
  return url
}

/** Why there can be no container, or null when there can be one. */
async function findReason(): Promise<string | null> {
  const runtime = await within(20_000, getContainerRuntimeClient()).catch(() => null)
  if (runtime === null) return 'no Docker engine answers'
  const image = ImageName.fromString(IMAGE)
  try {
    if (!(await runtime.image.exists(image))) {
      await within(START_MAX_MS, runtime.image.pull(image))
    }
    return null
  } catch {
    return `the image ${IMAGE} is not here and cannot be pulled`
  }
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const limit = sleep(limitMs, undefined, { ref: false }).then(() => {
    throw new Error(`Not done within ${limitMs} ms`)
  })
  return await Promise.race([work, limit])
}

async function startContainer({ appendfsync = 'no' }: RedisOptions): Promise<TestRedis> {
  const name = `firn-test-redis-${process.pid}-${randomBytes(4).toString('hex')}`
  // Its port is on every address of the machine.
  const password = randomBytes(16).toString('hex')
  const settings = {
    save: '',
    'maxmemory-policy': 'noeviction',
    requirepass: password,
    appendonly: appendfsync === 'no' ? 'no' : 'yes',
    appendfsync,
  }
  const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
  await using resources = new AsyncDisposableStack()
  resources.use(guardContainer(name))
  const container = await new GenericContainer(IMAGE)
    .withName(name)
    .withCommand(['timeout', String(LIFETIME_S), 'redis-server', ...args])
    .withExposedPorts(6379)
    .withAutoRemove(true)
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .withStartupTimeout(START_MAX_MS)
    .start()
  const host = container.getHost().replace('localhost', '127.0.0.1')
  const owned = resources.move()
  return {
    url: `redis://:${password}@${host}:${container.getMappedPort(6379)}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/**
 * Has a process of its own remove the container: on disposal, and when this process has ended
 * without it. In a session of its own, so that what ends a whole group of processes spares it.
 */
function guardContainer(name: string): AsyncDisposable {
  const guard = spawn(process.execPath, [GUARD, name], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  guard.unref()
  // Losing the guard costs the tidying up after a crash, no test.
  guard.stdin.on('error', () => {})
  const ended = once(guard, 'exit')
  return {
    async [Symbol.asyncDispose]() {
      guard.ref()
      guard.stdin.end()
      await ended
    },
  }
}
