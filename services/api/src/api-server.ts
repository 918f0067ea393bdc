import { once } from 'node:events'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { sendProblem, toProblem } from './problem.ts'
import { type RequestCode, RequestError } from './request-error.ts'

export interface ApiServer extends AsyncDisposable {
  readonly address: string
  readonly port: number
}

/** Requests that run when a stop begins may take this long; then they are cut off. */
const DRAIN_MS = 15_000
/** A connection without a request may be about to send one, and learn that we are stopping. */
const UNUSED_GRACE_MS = 1000

const codeByNodeError: Readonly<Record<string, RequestCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
}

/**
 * Listens with bounded patience: slow or broken clients cost a socket for seconds, not for ever,
 * and what Node's parser refuses is answered as a problem, too. When `stopping` aborts it takes no
 * more connections; disposing waits for the requests under way.
 */
export async function openApiServer(options: {
  readonly host: string
  readonly port: number
  readonly listener: RequestListener
  readonly stopping: AbortSignal
}): Promise<ApiServer> {
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 10_000,
      // How often the two above are looked at; Node's default of 30 s would make them 40 and 60.
      connectionsCheckingInterval: 1000,
      noDelay: true,
      // The app answers for it, as a problem.
      requireHostHeader: false,
    },
    options.listener,
  )
  server.maxConnections = 4096
  const latest = new Map<Duplex, ServerResponse | undefined>()
  server.on('connection', (socket) => {
    latest.set(socket, undefined)
    socket.once('close', () => latest.delete(socket))
  })
  server.on('request', (req, res) => latest.set(req.socket, res))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (isAnswered(latest.get(socket))) socket.destroy()
    else refuse(socket, codeByNodeError[error.code ?? ''] ?? 'REQUEST_MALFORMED', error)
  })
  server.on('checkExpectation', (_req, res) => {
    const message = 'The only expectation known is "100-continue"'
    sendProblem(res, toProblem(new RequestError('EXPECTATION_UNKNOWN', message), null))
  })
  // Without a listener of its own Node would drop a CONNECT without a word.
  server.on('connect', (_req, socket: Duplex) => refuse(socket, 'METHOD_NOT_ALLOWED', null))

  await once(server.listen(options.port, options.host), 'listening')
  const closed = once(server, 'close')
  const stop = (): void => {
    if (server.listening) server.close()
  }
  options.stopping.addEventListener('abort', stop, { once: true })
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('The server has no TCP address')
  return {
    address: bound.address,
    port: bound.port,
    async [Symbol.asyncDispose]() {
      options.stopping.removeEventListener('abort', stop)
      stop()
      const startMs = performance.now()
      const timer = setInterval(() => {
        const elapsedMs = performance.now() - startMs
        for (const [socket, res] of latest) {
          const isUnused = res === undefined || res.writableFinished
          if (elapsedMs > (isUnused ? UNUSED_GRACE_MS : DRAIN_MS)) socket.destroy()
        }
        server.closeIdleConnections()
      }, 50)
      await closed
      clearInterval(timer)
    },
  }
}

/** Whether the request that the connection is at has been answered, wholly or in part. */
function isAnswered(res: ServerResponse | undefined): boolean {
  return res?.headersSent === true && !(res.writableFinished && res.req.complete)
}

/** Answers where there is no response object, and closes. */
function refuse(socket: Duplex, code: RequestCode, cause: NodeJS.ErrnoException | null): void {
  // Node has let go of the socket of a CONNECT: its errors are ours, and would end the process.
  socket.on('error', () => socket.destroy())
  if (cause?.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const message = code === 'REQUEST_TIMEOUT' ? 'The request took too long' : 'Not a valid request'
  const allow =
    code === 'METHOD_NOT_ALLOWED' ? { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE' } : {}
  const { status, headers, body } = toProblem(
    new RequestError(code, message, { cause, extras: allow }),
    null,
  )
  const text = JSON.stringify(body)
  const fields = { ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${body.title}\r\n${lines.join('')}\r\n${text}`)
}
