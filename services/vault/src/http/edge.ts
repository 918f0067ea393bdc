import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Authenticator } from '../auth/authenticator.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import { CutError, injectFault } from '../control/inject-fault.ts'
import { errorKinds, GlacierError } from '../glacier-error.ts'
import { newRequestId } from '../ids.ts'
import type { VaultMetrics } from '../vault-metrics.ts'
import type { Answer, Handler } from './call.ts'
import { readCall } from './read-call.ts'
import type { Operation } from './routes.ts'

export interface EdgeLog {
  readonly warn: (fields: object, message: string) => void
  readonly error: (fields: object, message: string) => void
}

export interface Edge {
  /** Answers one request; settles when the answer is sent or the connection gone. */
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>
}

/**
 * From a request on the wire to an operation and back: which operation, who asks, its body, its
 * answer or its error in Glacier's form.
 */
export function createEdge(options: {
  readonly handlers: Readonly<Record<Operation, Handler>>
  readonly authenticator: Authenticator
  readonly faults: Pick<FaultPlan, 'choose'>
  readonly metrics: VaultMetrics
  readonly log: EdgeLog
}): Edge {
  const { metrics, log } = options
  return {
    async handle(req, res) {
      const requestId = newRequestId()
      res.setHeader('x-amzn-RequestId', requestId)
      const end = metrics.startRequest()
      const progress = { operation: 'unknown', outcome: 'ok' }
      try {
        await answerRequest(req, res, { ...options, progress })
      } catch (error) {
        const refusal = toGlacierError(error)
        progress.outcome = error instanceof CutError ? 'cut' : refusal.code
        if (refusal.code === 'ServiceUnavailableException' && !res.destroyed) {
          log.error({ err: error, requestId, ...progress }, 'request failed')
        }
        await sendError(req, res, refusal)
      } finally {
        end(progress)
      }
    },
  }
}

async function answerRequest(
  req: IncomingMessage,
  res: ServerResponse,
  options: Parameters<typeof createEdge>[0] & { readonly progress: { operation: string } },
): Promise<void> {
  const { call, operation } = await readCall(req, res, {
    authenticator: options.authenticator,
    receivedAtMs: Date.now(),
    onOperation: (name) => {
      options.progress.operation = name
    },
  })
  const perform = options.handlers[operation]
  const fault = options.faults.choose(operation)
  const answer =
    fault === undefined ? perform(call) : injectFault(fault, { call, req, res, perform })
  await send(res, await answer)
}

function toGlacierError(error: unknown): GlacierError {
  if (error instanceof GlacierError) return error
  const message = 'The service cannot complete the request now.'
  return new GlacierError('ServiceUnavailableException', message, { cause: error })
}

async function send(res: ServerResponse, answer: Answer): Promise<void> {
  const { status, headers = {}, json, output } = answer
  if (output !== undefined) {
    res.writeHead(status, headers)
    await pipeline(output, res)
    return
  }
  if (status === 204) {
    res.writeHead(status, headers).end()
    return
  }
  const text = answer.text ?? (json === undefined ? '' : JSON.stringify(json))
  res.writeHead(status, {
    // Only with a body: boto v2 parses what claims to be JSON.
    ...(text !== '' && { 'content-type': 'application/json' }),
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  res.end(text)
}

async function sendError(
  req: IncomingMessage,
  res: ServerResponse,
  error: GlacierError,
): Promise<void> {
  if (res.headersSent || res.destroyed) {
    // Too late to say so: only a cut connection tells the client that this is not the whole.
    res.destroy()
    return
  }
  const { status, type } = errorKinds[error.code]
  const text = JSON.stringify({ code: error.code, message: error.message, type })
  const isStalled = error.code === 'RequestTimeoutException'
  const isWaiting = req.headers.expect !== undefined && !res.writableEnded && !req.readableDidRead
  if (isStalled || isWaiting) res.setHeader('connection', 'close')
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  res.write(text)
  // Closing while the client still sends would reach it as a reset, in place of the answer.
  if (!isStalled && !isWaiting) await drained(req)
  res.end()
}

/** Resolves when the rest of the body has been received and thrown away, or the client is gone. */
async function drained(req: IncomingMessage): Promise<void> {
  if (req.complete || req.destroyed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  req.once('end', resolve).once('close', resolve).resume()
  await promise
}
