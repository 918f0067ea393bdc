import { AppError, fullJitterMs } from '@firn/core'
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis'
import { parseRedisUrl, type RedisTarget } from './redis-url.ts'
import { withDeadline } from './with-deadline.ts'

/** A connection, or the pool of connections to a cluster. */
export type RedisClient = Redis | Cluster

export interface OpenRedisOptions {
  readonly url: string
  /**
   * `producer` fails fast: commands reject at once while Redis is away and after
   * `commandTimeoutMs` when it does not answer, so that an API can say 503 in time. `worker` waits
   * for Redis to come back, as BullMQ's workers require; what bounds a wait is its AbortSignal.
   */
  readonly role: 'producer' | 'worker'
  /** Shown by CLIENT LIST. */
  readonly name?: string
  /** Producers only. Default 2,000. */
  readonly commandTimeoutMs?: number
  /**
   * How long Redis may say nothing while commands wait, before the connection is taken for dead
   * and made anew: a peer that vanished sends no reset. Default 20,000, twice as long as BullMQ
   * lets a read block.
   */
  readonly silenceMaxMs?: number
  /** How long the first connection may take. Default 10,000. */
  readonly readyTimeoutMs?: number
  /** Called once per outage with the first error, however often reconnecting fails. */
  readonly onOutage?: (error: Error) => void
  /** Uniform in [0, 1), for the jitter of reconnecting. */
  readonly random?: () => number
}

export interface RedisConnection extends AsyncDisposable {
  readonly client: RedisClient
  /** Names the server in messages; holds no credentials. */
  readonly label: string
  /**
   * For readiness: rejects with `STORE_UNAVAILABLE` unless Redis answers within 400 ms, or at once
   * while the connection is down.
   */
  readonly ping: (signal: AbortSignal) => Promise<void>
}

const PING_TIMEOUT_MS = 400
const QUIT_TIMEOUT_MS = 500

/**
 * Connects to Redis and resolves once it answers. Reconnects by itself from then on. Rejects with
 * `STORE_UNAVAILABLE` when the first connection takes longer than `readyTimeoutMs`.
 */
export async function openRedis(
  options: OpenRedisOptions,
  signal: AbortSignal,
): Promise<RedisConnection> {
  signal.throwIfAborted()
  const target = parseRedisUrl(options.url)
  const client = createClient(target, options)
  const lastError = reportOutages(client, options.onOutage)
  try {
    await withDeadline(untilReady(client), options.readyTimeoutMs ?? 10_000, signal)
  } catch (error) {
    client.disconnect()
    if (signal.aborted) throw error
    throw new AppError('STORE_UNAVAILABLE', `Cannot connect to Redis at ${target.label}`, {
      cause: lastError() ?? error,
    })
  }
  return {
    client,
    label: target.label,
    ping: (pingSignal) => ping(client, target.label, pingSignal),
    [Symbol.asyncDispose]: () => close(client),
  }
}

function createClient(target: RedisTarget, options: OpenRedisOptions): RedisClient {
  const random = options.random ?? Math.random
  // Below 2 s because a queue is idle for as long as its workers wait; BullMQ's own goes to 20 s.
  const retryStrategy = (times: number): number =>
    50 + fullJitterMs({ attempt: times, baseMs: 100, capMs: 1950 }, random())
  const isProducer = options.role === 'producer'
  const common: Omit<CommonRedisOptions, 'replyMapping'> = {
    connectTimeout: 5000,
    socketTimeout: options.silenceMaxMs ?? 20_000,
    // A role change behind a stable name: connect again, to the new primary, and resend.
    reconnectOnError: (error) => (error.message.includes('READONLY') ? 2 : false),
    ...(options.name === undefined ? {} : { connectionName: options.name }),
    ...(isProducer
      ? {
          commandTimeout: options.commandTimeoutMs ?? 2000,
          maxRetriesPerRequest: 0,
          // A command cut off by a lost connection has an unknown outcome: the caller decides.
          autoResendUnfulfilledCommands: false,
        }
      : { maxRetriesPerRequest: null }),
  }
  if (target.kind === 'single') {
    const offline = { enableOfflineQueue: !isProducer, retryStrategy }
    return new Redis({ ...common, ...offline, ...target.options })
  }
  return new Cluster(target.nodes, {
    clusterRetryStrategy: retryStrategy,
    enableOfflineQueue: !isProducer,
    redisOptions: { ...common, ...target.options },
  })
}

/** Attaches the error handler that an emitter needs; returns a look at the latest error. */
function reportOutages(
  client: RedisClient,
  onOutage: ((error: Error) => void) | undefined,
): () => Error | undefined {
  let latest: Error | undefined
  let isReported = false
  client.on('error', (error: Error) => {
    latest = error
    if (isReported) return
    isReported = true
    onOutage?.(error)
  })
  client.on('ready', () => {
    isReported = false
  })
  return () => latest
}

function untilReady(client: RedisClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('ready', resolve)
  })
}

async function ping(client: RedisClient, label: string, signal: AbortSignal): Promise<void> {
  const refuse = (cause?: unknown): AppError =>
    new AppError('STORE_UNAVAILABLE', `Redis at ${label} does not answer`, { cause })
  signal.throwIfAborted()
  // A worker's PING would join the queue of commands that wait for the connection.
  if (client.status !== 'ready') throw refuse(new Error(`connection is "${client.status}"`))
  try {
    await withDeadline(client.ping(), PING_TIMEOUT_MS, signal)
  } catch (error) {
    throw signal.aborted ? signal.reason : refuse(error)
  }
}

/** QUIT lets replies that are on their way arrive; a Redis that is gone must not hold us up. */
async function close(client: RedisClient): Promise<void> {
  if (client.status === 'ready') {
    await withDeadline(client.quit(), QUIT_TIMEOUT_MS, new AbortController().signal).catch(() => {})
  }
  client.disconnect()
}
