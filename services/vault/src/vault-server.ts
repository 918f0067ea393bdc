import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { probeHandler } from '@firn/runtime'
import type { Registry } from 'prom-client'
import { createAuthenticator } from './auth/authenticator.ts'
import { createClock } from './clock.ts'
import type { VaultConfig } from './config.ts'
import { createBlockPool } from './hashing/block-pool.ts'
import { createByteBudget } from './hashing/collector.ts'
import { openHashThreads } from './hashing/hash-threads.ts'
import { createIntake } from './hashing/intake.ts'
import { createEdge, type EdgeLog } from './http/edge.ts'
import { newRequestId } from './ids.ts'
import { createHandlers } from './operations/handlers.ts'
import { createRetrieval } from './retrieval.ts'
import { openDataDirectory } from './storage/data-directory.ts'
import { sweepVaults } from './storage/sweep.ts'
import { openVaultStore } from './storage/vault-store.ts'
import { createVaultMetrics } from './vault-metrics.ts'

/** Memory for bodies on their way to the disk; past it, each connection gets one chunk at a time. */
const INTAKE_BYTES = 64 * 1024 ** 2
/** Memory for archives on their way out, 1 MiB each. */
const OUTPUT_BLOCK_COUNT = 32
const CONNECTION_COUNT_MAX = 1024
const HASH_THREAD_MAX = 8
/** What is in flight when the server stops may take this long. */
const DRAIN_MAX_MS = 20_000
const SWEEP_INTERVAL_MS = 60_000
/** A connection on which nothing moves either way for this long is closed. */
const SOCKET_IDLE_MAX_MS = 5 * 60_000
/** Longer than clients keep theirs, so that they are the ones to close: no request meets a reset. */
const KEEP_ALIVE_MS = 65_000

export interface VaultServer extends AsyncDisposable {
  readonly address: string
  readonly port: number
}

/** Opens the data directory and serves it. Disposing it lets requests in flight finish first. */
export async function openVaultServer(options: {
  readonly config: VaultConfig
  readonly registry: Registry
  readonly log: EdgeLog
  readonly stopping: AbortSignal
}): Promise<VaultServer> {
  const { config, registry, log } = options
  await using resources = new AsyncDisposableStack()
  const clock = createClock()
  const directory = resources.use(await openDataDirectory({ path: config.dataDir, log }))
  const store = await openVaultStore({ directory, clock })
  const metrics = createVaultMetrics(registry)
  const threads = resources.use(
    openHashThreads(Math.min(Math.max(availableParallelism(), 2), HASH_THREAD_MAX)),
  )
  const intake = createIntake({
    budget: createByteBudget(INTAKE_BYTES),
    threads,
    idleMaxMs: config.bodyIdleMs,
    onReceived: metrics.addReceivedBytes,
    discard: store.discard,
  })
  const retrieval = createRetrieval({ store, threads, pool: createBlockPool(OUTPUT_BLOCK_COUNT) })
  const sweep = () => sweepVaults({ store, files: directory.files, clock, ...config })
  await sweep()
  resources.use(sweepRegularly(sweep, log))

  const edge = createEdge({
    handlers: createHandlers({ store, intake, retrieval, clock, config }),
    authenticator: createAuthenticator(config),
    metrics,
    log,
  })
  const probe = probeHandler({
    registry,
    stopping: options.stopping,
    checkReady: async () => directory.assertSound(),
  })
  const server = createHttpServer(async (req, res) => {
    if (!(await probe(req, res))) await edge.handle(req, res)
  }, log)
  const bound = await listen(server, config)
  resources.defer(() => close(server))
  const owned = resources.move()
  return { ...bound, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

function sweepRegularly(sweep: () => Promise<void>, log: EdgeLog): AsyncDisposable {
  let running = Promise.resolve()
  const timer = setInterval(() => {
    running = running
      .then(sweep)
      .catch((error: unknown) => log.error({ err: error }, 'the sweep failed'))
  }, SWEEP_INTERVAL_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}

type Listener = (...request: Parameters<ReturnType<typeof createEdge>['handle']>) => Promise<void>

function createHttpServer(listener: Listener, log: EdgeLog): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, noDelay: true })
  // A body may take hours; what stops moving is cut by other means.
  server.requestTimeout = 0
  server.headersTimeout = 30_000
  server.timeout = SOCKET_IDLE_MAX_MS
  server.maxHeadersCount = 200
  server.maxConnections = CONNECTION_COUNT_MAX
  const onRequest = (...[req, res]: Parameters<Listener>): void => {
    listener(req, res).catch((error: unknown) => {
      log.error({ err: error }, 'a request was left unanswered')
      res.destroy()
    })
  }
  server.on('request', onRequest)
  // The edge answers a client that waits for `100 Continue` once it has seen the headers.
  server.on('checkContinue', onRequest)
  server.on('clientError', refuseMalformed)
  return server
}

/** Requests that the parser itself refuses. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify({
    code: 'BadRequest',
    message: 'The request is not well-formed HTTP.',
    type: 'Client',
  })
  socket.end(
    'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/json\r\n' +
      `Date: ${new Date().toUTCString()}\r\nx-amzn-RequestId: ${newRequestId()}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
}

async function listen(
  server: Server,
  { host, port }: VaultConfig,
): Promise<{ readonly address: string; readonly port: number }> {
  await once(server.listen(port, host), 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('The server has no TCP address')
  return { address: bound.address, port: bound.port }
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // Connections that wait for an answer become idle once they have it.
  server.on('request', (_req, res) => res.setHeader('connection', 'close'))
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MAX_MS)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}
