import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { FaultRules } from './fault.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { RequestStats } from './request-stats.ts'

const LOOPBACK = '127.0.0.1'
/** A hundred years: enough for every expiry, and every date stays a valid one. */
const ADVANCE_MAX_MS = 100 * 366 * 24 * 60 * 60_000

const ClockBody = z.strictObject({ advanceMs: z.number().int().min(0).max(ADVANCE_MAX_MS) })

interface ControlAnswer {
  readonly status: number
  readonly body: object
}

/**
 * The control port: makes requests fail on purpose and moves the vault's clock. Whoever reaches it
 * can do so, hence the loopback address and nothing else.
 */
export async function openControlServer(options: {
  readonly port: number
  readonly faults: FaultPlan
  readonly stats: RequestStats
  readonly clock: Clock
  /** Lets what the new time has ended end. */
  readonly sweep: () => Promise<void>
}): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((req, res) => {
    answer(req, options).then(
      (result) => sendJson(res, result),
      (error: unknown) => sendJson(res, { status: 500, body: { error: String(error) } }),
    )
  })
  await once(server.listen(options.port, LOOPBACK), 'listening')
  const bound = server.address()
  if (bound === null || typeof bound === 'string') throw new Error('The server has no TCP address')
  return {
    port: bound.port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  req: IncomingMessage,
  options: Parameters<typeof openControlServer>[0],
): Promise<ControlAnswer> {
  const { faults, stats, clock } = options
  // Not from a web page: browsers send these across origins without asking.
  if (req.headers.origin !== undefined) return { status: 403, body: { error: 'not for browsers' } }
  switch (`${req.method} ${req.url}`) {
    case 'PUT /faults': {
      const parsed = FaultRules.safeParse(await readJson(req))
      if (!parsed.success) return badRequest(parsed.error)
      faults.replace(parsed.data.rules)
      return { status: 200, body: { rules: faults.state() } }
    }
    case 'GET /faults':
      return { status: 200, body: { rules: faults.state() } }
    case 'DELETE /faults':
      faults.replace([])
      return { status: 200, body: { rules: [] } }
    case 'GET /stats':
      return { status: 200, body: stats.snapshot() }
    case 'POST /clock': {
      const parsed = ClockBody.safeParse(await readJson(req))
      if (!parsed.success) return badRequest(parsed.error)
      clock.advance(parsed.data.advanceMs)
      await options.sweep()
      return { status: 200, body: { now: new Date(clock.nowMs()).toISOString() } }
    }
    default:
      return { status: 404, body: { error: `nothing at ${req.method} ${req.url}` } }
  }
}

function badRequest(error: z.ZodError): ControlAnswer {
  const problems = error.issues.map((one) => `${one.path.join('.')}: ${one.message}`)
  return { status: 400, body: { error: problems.join('; ') } }
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  try {
    return JSON.parse((await buffer(req)).toString())
  } catch {
    return undefined
  }
}

function sendJson(res: ServerResponse, { status, body }: ControlAnswer): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
