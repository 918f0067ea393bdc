import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Board } from '@firn/board'
import type { RequestHandler } from 'express'
import type { HttpMetrics } from './http-metrics.ts'
import { RequestError } from './request-error.ts'
import { requestSignal } from './request-signal.ts'
import type { TokenCheck } from './token-check.ts'

export const BOARD_PATH = '/queues'

export interface BoardHandlerDeps {
  readonly isAuthorized: TokenCheck
  /** Called for each request; loads the board for the first. */
  readonly loadBoard: () => Promise<Pick<Board, 'serve'>>
  readonly metrics: Pick<HttpMetrics, 'setRoute'>
  /** Aborts when the process begins to stop. */
  readonly stopping: AbortSignal
  readonly deadlineMs: number
}

/**
 * The page runs its own scripts and nothing else, asks nobody but this server, and cannot be framed
 * or read by another site. It sets styles on elements.
 */
const headers: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

/**
 * Puts the board behind the tokens and holds it to reading. The board guards itself against
 * writes, too; here they are refused before it sees them. Mounted at {@link BOARD_PATH}.
 */
export function boardHandler(deps: BoardHandlerDeps): RequestHandler {
  return async (req, res) => {
    deps.metrics.setRoute(res, BOARD_PATH)
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
    // The same for everybody, and a megabyte; asked each time whether it is still the same.
    if (req.url.startsWith('/static/')) res.setHeader('cache-control', 'private, no-cache')
    refuse(req, deps)
    using request = requestSignal(res, deps.deadlineMs)
    const late = request.aborted.catch((error) => {
      // What has begun may take as long as the client's line does.
      if (!res.headersSent) throw error
    })
    await Promise.race([serve(req, res, deps), late])
  }
}

function refuse(req: IncomingMessage, { isAuthorized, stopping }: BoardHandlerDeps): void {
  if (!isAuthorized(req.headers.authorization)) {
    throw new RequestError(
      'TOKEN_MISSING_OR_WRONG',
      'Log in with any name, and with a token that this API knows as the password',
      { extras: { challenge: 'Basic realm="firn queues", charset="UTF-8"' } },
    )
  }
  if (stopping.aborted) {
    throw new RequestError('SHUTTING_DOWN', 'This process is stopping; send the request again')
  }
  if (req.method !== 'GET' && req.method !== 'HEAD') {
    throw new RequestError('METHOD_NOT_ALLOWED', 'The queues can only be looked at: GET, HEAD', {
      extras: { allow: 'GET, HEAD' },
    })
  }
  if (req.headers['transfer-encoding'] ?? Number(req.headers['content-length'] ?? 0)) {
    throw new RequestError('REQUEST_MALFORMED', 'A request for a page has no body')
  }
}

/** Resolves when the board has answered, rejects when it cannot. */
async function serve(
  req: IncomingMessage,
  res: ServerResponse,
  { loadBoard }: BoardHandlerDeps,
): Promise<void> {
  const board = await loadBoard()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  res.once('finish', resolve)
  board.serve(req, res, (error) => {
    if (res.headersSent) res.destroy()
    reject(error ?? new RequestError('ROUTE_NOT_FOUND', 'There is nothing at this path'))
  })
  await promise
}
