import type { IncomingMessage, ServerResponse } from 'node:http'

/** One client of a stream of Server-Sent Events. */
export interface SseStream {
  /**
   * Sends an event. With an `id` it must arrive: a client that is too slow for it is cut off and
   * continues after its last id. Without one it is skipped while the client is behind.
   */
  readonly send: (event: {
    readonly type: string
    readonly id: string | null
    readonly data: unknown
  }) => void
  /** Ends the stream; the client comes back by itself. */
  readonly end: () => void
  /** Resolves once the connection is gone, whoever closed it. */
  readonly closed: Promise<void>
}

const BUFFER_MAX_BYTES = 256 * 1024
const HEARTBEAT_MS = 15_000
const RECONNECT_MS = 2000

/** Begins an event stream on `res`; a comment every 15 s shows both ends that it lives. */
export function openSseStream(req: IncomingMessage, res: ServerResponse): SseStream {
  res.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'close',
  })
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  const heartbeat = setInterval(() => {
    if (!res.writableNeedDrain) res.write(': alive\n\n')
  }, HEARTBEAT_MS)
  res.once('close', () => {
    clearInterval(heartbeat)
    resolve()
  })
  const end = (): void => {
    clearInterval(heartbeat)
    res.end()
  }
  res.write(`retry: ${RECONNECT_MS}\n\n`)
  if (req.method === 'HEAD') end()
  return {
    closed,
    end,
    send({ type, id, data }) {
      if (res.writableEnded || res.destroyed) return
      if (id === null && res.writableNeedDrain) return
      const head = id === null ? '' : `id: ${id}\n`
      res.write(`${head}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
      if (res.writableLength > BUFFER_MAX_BYTES) res.destroy()
    },
  }
}
