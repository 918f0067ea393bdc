import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { type Operation, type OperationId, operations } from '@firn/contracts'
import type { Logger } from '@firn/runtime'
import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import { BOARD_PATH } from './board-handler.ts'
import type { Call, Handler } from './call.ts'
import type { HttpMetrics } from './http-metrics.ts'
import { sendProblem, statusByCode, toProblem } from './problem.ts'
import { RequestError } from './request-error.ts'
import { requestSignal } from './request-signal.ts'
import type { TokenCheck } from './token-check.ts'

export interface AppDeps {
  /** One per operation of the contract: what has no handler does not compile. */
  readonly handlers: Readonly<Record<OperationId, Handler>>
  /** Answers for everything under {@link BOARD_PATH}, who may see it included. */
  readonly board: RequestHandler
  readonly isAuthorized: TokenCheck
  readonly metrics: HttpMetrics
  readonly log: Logger
  /** Aborts when the process begins to stop. */
  readonly stopping: AbortSignal
  readonly deadlines: Deadlines
}

/** How long a request may wait before it is answered with 503. */
export interface Deadlines {
  readonly requestMs: number
  /** For calls that ask Glacier. */
  readonly glacierMs: number
}

const BODY_MAX_BYTES = 64 * 1024
const HEADER_COUNT_MAX = 200

/** Builds the HTTP surface from the contract's operations. Opens nothing. */
export function createApp(deps: AppDeps): express.Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', false)
  app.set('case sensitive routing', true)
  app.set('strict routing', true)
  app.use(begin(deps))
  app.use('/v1', admit(deps))
  app.use(BOARD_PATH, deps.board)
  const table: readonly [string, Operation][] = Object.entries(operations)
  for (const [id, operation] of table) {
    const handler = deps.handlers[id as OperationId]
    const path = operation.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const reader = operation.body === undefined ? [] : [checkMediaType(operation), readBody]
    app[operation.method](path, ...reader, answer(deps, operation, handler))
  }
  for (const path of new Set(table.map(([, { path }]) => path))) {
    const methods = table.filter(([, operation]) => operation.path === path)
    const allow = methods.map(([, { method }]) => method.toUpperCase())
    if (allow.includes('GET')) allow.push('HEAD')
    app.all(path.replaceAll(/\{(\w+)\}/g, ':$1'), () => {
      throw new RequestError('METHOD_NOT_ALLOWED', `Only ${allow.join(', ')} can be used here`, {
        extras: { allow: allow.join(', ') },
      })
    })
  }
  app.use(() => {
    throw new RequestError('ROUTE_NOT_FOUND', 'There is nothing at this path')
  })
  app.use(fail(deps))
  return app
}

/** Gives the request an id, measures how long it takes and refuses what Node lets through. */
function begin({ metrics, log }: AppDeps): RequestHandler {
  return (req, res, next) => {
    const requestId = randomUUID()
    res.locals.requestId = requestId
    res.locals.log = log.child({ requestId })
    res.setHeader('x-request-id', requestId)
    res.setHeader('x-content-type-options', 'nosniff')
    metrics.observe(req, res)
    const refusal = framingProblem(req)
    if (refusal !== null) {
      // What follows on this connection may not begin where it seems to.
      res.setHeader('connection', 'close')
      throw refusal
    }
    next()
  }
}

/** RFC 9112 §3.2 (one Host) and §6.1 (only codings that are known), and a bound on header fields. */
function framingProblem(req: IncomingMessage): RequestError | null {
  const coding = req.headers['transfer-encoding']
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return new RequestError('REQUEST_MALFORMED', 'The only transfer coding known is "chunked"')
  }
  if (req.headersDistinct.host?.length !== 1) {
    return new RequestError('REQUEST_MALFORMED', 'There must be one Host header')
  }
  if (req.rawHeaders.length > 2 * HEADER_COUNT_MAX) {
    return new RequestError('HEADERS_TOO_LARGE', `More than ${HEADER_COUNT_MAX} header fields`)
  }
  return null
}

function admit({ isAuthorized, stopping }: AppDeps): RequestHandler {
  return (req, _res, next) => {
    if (!isAuthorized(req.headers.authorization)) {
      throw new RequestError(
        'TOKEN_MISSING_OR_WRONG',
        'Send "Authorization: Bearer <token>" with a token that this API knows',
      )
    }
    if (stopping.aborted) {
      throw new RequestError('SHUTTING_DOWN', 'This process is stopping; send the request again')
    }
    next()
  }
}

function checkMediaType({ isBodyOptional }: Operation): RequestHandler {
  return (req, _res, next) => {
    if (isBodyOptional !== true || hasBody(req)) requireJson(req)
    next()
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function requireJson(req: IncomingMessage): void {
  const type = req.headers['content-type'] ?? ''
  if (!/^application\/json *(; *charset *= *"?utf-8"?)?$/i.test(type)) {
    throw new RequestError(
      'MEDIA_TYPE_UNSUPPORTED',
      'The body must be sent as "Content-Type: application/json", in UTF-8',
    )
  }
}

// Decompression is off: a few kilobytes can hold gigabytes.
const readBody = express.raw({ limit: BODY_MAX_BYTES, inflate: false, type: () => true })

function answer(
  { metrics, deadlines }: AppDeps,
  operation: Operation,
  handler: Handler,
): RequestHandler {
  return async (req, res) => {
    metrics.setRoute(res, operation.path)
    if (operation.access === 'token' && operation.query === undefined && req.url.includes('?')) {
      throw new RequestError('PARAMETER_INVALID', 'This call takes no query parameters')
    }
    const isStream = operation.success.contentType === 'text/event-stream'
    const deadlineMs = operation.tag === 'vaults' ? deadlines.glacierMs : deadlines.requestMs
    using request = requestSignal(res, isStream ? null : deadlineMs)
    const params = req.params as Record<string, string>
    const call: Call = { req, res, params, signal: request.signal, log: res.locals.log }
    // Raced, so that a dependency which does not heed its signal cannot keep the client waiting.
    const answered = await Promise.race([handler(call), request.aborted])
    if (answered === null) return
    const text = JSON.stringify(answered.body)
    res.writeHead(operation.success.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      ...answered.headers,
    })
    res.end(text)
  }
}

/** The edge: every failure is logged here, once, and answered. */
function fail({ log: appLog }: AppDeps): ErrorRequestHandler {
  return (thrown, req, res, _next) => {
    const error = fromExpress(thrown)
    const log: Logger = res.locals.log ?? appLog
    const problem = toProblem(error, res.locals.requestId ?? null)
    const fields = { method: req.method, path: req.path.slice(0, 200), code: problem.body.code }
    if (res.destroyed) log.debug(fields, 'client went away')
    else if (problem.status === 500) log.error({ ...fields, err: error }, 'request failed')
    else if (problem.status > 500) log.warn({ ...fields, err: error }, 'request failed')
    else log.debug({ ...fields, status: problem.status }, 'request refused')
    sendProblem(res, problem)
  }
}

/** What Express and its body reader throw, in our words. */
function fromExpress(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof RequestError) return error
  const type = 'type' in error ? error.type : undefined
  if (type === 'entity.too.large') {
    const message = `The body is larger than ${BODY_MAX_BYTES} bytes`
    return new RequestError('BODY_TOO_LARGE', message, { cause: error })
  }
  if (type === 'encoding.unsupported') {
    const message = 'The body must be sent without Content-Encoding'
    return new RequestError('MEDIA_TYPE_UNSUPPORTED', message, { cause: error })
  }
  const status = 'status' in error ? error.status : undefined
  if (status !== statusByCode.REQUEST_MALFORMED) return error
  return new RequestError('REQUEST_MALFORMED', 'The request is malformed', { cause: error })
}
