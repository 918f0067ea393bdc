import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import type { HttpHandlerOptions, HttpRequest, HttpResponse, RequestHandler } from '@smithy/types'

export interface HttpLimits {
  /** From the start of a connection until it can carry a request, TLS included. */
  readonly connectTimeoutMs: number
  /** Longest silence on a connection that carries a body. */
  readonly socketTimeoutMs: number
  /** Connections open at once; further requests wait, and their deadline runs. */
  readonly maxSockets: number
}

type HttpHandler = RequestHandler<HttpRequest, HttpResponse, HttpHandlerOptions> & {
  readonly destroy: () => void
}

/** What is changed is answered with headers, or with an error. */
const ANSWER_MAX_BYTES = 1024 ** 2
/** What is read may be an inventory: a few hundred thousand archives. */
const READ_ANSWER_MAX_BYTES = 256 * 1024 ** 2
/** Under TLS each write is encrypted in one go, in memory of its own, so bodies go out in slices. */
const TLS_SLICE_BYTES = 1024 ** 2

/**
 * Sends the SDK's requests. Unlike the SDK's own handler its promise settles only when nothing
 * reads the body any more, whether the exchange ended well, was refused half-way, timed out or was
 * aborted: the memory may be used again at once. A deadline covers the whole exchange, answer
 * included.
 */
export function createHttpHandler(limits: HttpLimits): HttpHandler {
  const agentOptions = { keepAlive: true, maxSockets: limits.maxSockets }
  const plain = new http.Agent(agentOptions)
  const secure = new https.Agent(agentOptions)
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(request, options) {
      const isSecure = request.protocol === 'https:'
      const signal = options?.abortSignal
      if (signal?.aborted) throw timeoutOrAbort('AbortError', 'aborted before it was sent')
      const req = (isSecure ? https : http).request({
        agent: isSecure ? secure : plain,
        // URL host names carry the brackets of an IPv6 address, sockets do not.
        host: request.hostname.replace(/^\[(.*)\]$/, '$1'),
        ...(request.port === undefined ? {} : { port: request.port }),
        method: request.method,
        path: `${request.path}${queryString(request.query)}`,
        headers: request.headers,
      })
      const stopWatching = watch(req, request.body !== undefined, limits, options)
      try {
        writeBody(req, request.body, isSecure ? TLS_SLICE_BYTES : Number.POSITIVE_INFINITY)
        return { response: await exchange(req, request.method === 'GET') }
      } finally {
        stopWatching()
      }
    },
    destroy() {
      plain.destroy()
      secure.destroy()
    },
  }
}

/** Settles when the request is closed: its socket is then idle in the pool, or destroyed. */
async function exchange(req: ClientRequest, isRead: boolean): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>()
  let response: HttpResponse | undefined
  let failure: unknown
  req.on('error', (error) => {
    failure ??= error
  })
  req.on('response', (res) => {
    res.on('error', (error) => {
      failure ??= error
    })
    collect(res, isRead ? READ_ANSWER_MAX_BYTES : ANSWER_MAX_BYTES, (bytes) => {
      // The SDK hands on the output of a job as a stream, and so wants one.
      const body = isRead ? Readable.from([bytes]) : bytes
      response = { statusCode: res.statusCode ?? 0, headers: headersOf(res), body }
      // Refused before the body was out: the rest of it would be sent for nothing.
      if (!req.writableFinished && response.statusCode >= 300) req.destroy()
    })
  })
  req.on('close', () => {
    if (response) resolve(response)
    else reject(failure ?? timeoutOrAbort('Error', 'closed without an answer'))
  })
  return await promise
}

function collect(res: IncomingMessage, maxBytes: number, done: (body: Uint8Array) => void): void {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  res.on('data', (chunk: Buffer) => {
    sizeBytes += chunk.length
    if (sizeBytes > maxBytes) {
      res.destroy(new Error(`The answer is longer than ${maxBytes} bytes`))
    }
    chunks.push(chunk)
  })
  res.on('end', () => done(Buffer.concat(chunks)))
}

/** Destroys the request when it takes too long or is aborted. Returns what ends the watch. */
function watch(
  req: ClientRequest,
  hasBody: boolean,
  limits: HttpLimits,
  options: HttpHandlerOptions | undefined,
): () => void {
  const { abortSignal: signal, requestTimeout: deadlineMs } = options ?? {}
  const timers: NodeJS.Timeout[] = []
  const limit = (timeoutMs: number, what: string) => {
    const end = () => req.destroy(timeoutOrAbort('TimeoutError', `${what} took ${timeoutMs} ms`))
    const timer = setTimeout(end, timeoutMs)
    timers.push(timer)
    return timer
  }
  if (deadlineMs) limit(deadlineMs, 'the request')
  req.once('socket', (socket) => {
    if (hasBody) {
      req.setTimeout(limits.socketTimeoutMs, () => {
        const text = `nothing moved for ${limits.socketTimeoutMs} ms`
        req.destroy(timeoutOrAbort('TimeoutError', text))
      })
    }
    if (!socket.connecting) return
    const timer = limit(limits.connectTimeoutMs, 'connecting')
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => clearTimeout(timer))
  })
  const abort = () => req.destroy(timeoutOrAbort('AbortError', 'aborted'))
  // The type admits the SDK's own signals of old; only the platform's are ever given to it.
  if (signal instanceof AbortSignal) signal.addEventListener('abort', abort)
  return () => {
    for (const timer of timers) clearTimeout(timer)
    if (signal instanceof AbortSignal) signal.removeEventListener('abort', abort)
  }
}

function writeBody(req: ClientRequest, body: unknown, sliceBytes: number): void {
  if (body instanceof Readable) {
    body.on('error', (error) => req.destroy(error))
    body.pipe(req)
  } else if (body instanceof Uint8Array) {
    writeSlices(req, body, { start: 0, sliceBytes })
  } else if (typeof body === 'string') {
    req.end(body)
  } else {
    req.end()
  }
}

function writeSlices(
  req: ClientRequest,
  body: Uint8Array,
  from: { readonly start: number; readonly sliceBytes: number },
): void {
  const { sliceBytes } = from
  let { start } = from
  while (start + sliceBytes < body.length) {
    const isRoomLeft = req.write(body.subarray(start, start + sliceBytes))
    start += sliceBytes
    if (!isRoomLeft) {
      req.once('drain', () => writeSlices(req, body, { start, sliceBytes }))
      return
    }
  }
  req.end(body.subarray(start))
}

function queryString(query: HttpRequest['query']): string {
  const pairs: string[] = []
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const item of Array.isArray(value) ? value : [value]) {
      pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(item ?? '')}`)
    }
  }
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

function headersOf(res: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(res.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(',') : value
  }
  return headers
}

function timeoutOrAbort(name: 'TimeoutError' | 'AbortError' | 'Error', what: string): Error {
  return Object.assign(new Error(`Request ${what}`), { name })
}
