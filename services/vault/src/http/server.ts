import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { newRequestId } from '../ids.ts'
import type { Edge, EdgeLog } from './edge.ts'

/** What is in flight when the server stops may take this long. */
const DRAIN_MAX_MS = 20_000
/** A connection on which nothing moves either way for this long is closed. */
const SOCKET_IDLE_MAX_MS = 5 * 60_000
/** Longer than clients keep theirs, so that they are the ones to close: no request meets a reset. */
const KEEP_ALIVE_MS = 65_000
const CONNECTION_COUNT_MAX = 1024

type Listener = (...request: Parameters<Edge['handle']>) => Promise<void>

/** A server with limits that suit long bodies. Errors are Glacier's even for what is not HTTP. */
export function createHttpServer(listener: Listener, log: EdgeLog): Server {
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

/** Listens; port 0 takes any free one. */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ readonly address: string; readonly port: number }> {
  await once(server.listen(port, host), 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('The server has no TCP address')
  return { address: bound.address, port: bound.port }
}

/** Lets requests in flight finish, up to a limit, and closes every connection. */
export async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // Connections that wait for an answer become idle once they have it. Before the listener that
  // answers: some requests it answers at once.
  for (const event of ['request', 'checkContinue'] as const) {
    server.prependListener(event, (_req, res) => res.setHeader('connection', 'close'))
  }
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MAX_MS)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}
