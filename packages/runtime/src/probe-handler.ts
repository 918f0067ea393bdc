import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import type { Logger } from './logger.ts'
import { OPEN_METRICS_TYPE, openMetricsText, wantsOpenMetrics } from './open-metrics.ts'

/** Answers well before a probe that waits half a second gives up. */
const READY_DEADLINE_MS = 450

export interface ProbeOptions {
  readonly registry: Registry
  /** Resolves when the process can do its work, rejects when not. Given 450 ms. */
  readonly checkReady: (signal: AbortSignal) => Promise<void>
  /** Once aborted the process is not ready any more, whatever `checkReady` says. */
  readonly stopping?: AbortSignal
  /** Told when readiness changes. */
  readonly log?: Logger
}

type ProbeAnswer = (req: IncomingMessage, res: ServerResponse) => Promise<void>

export type ProbeHandler = (req: IncomingMessage, res: ServerResponse) => Promise<boolean>

/**
 * Answers `GET /healthz` (the process runs), `/readyz` (it can do its work) and `/metrics`
 * (OpenMetrics for who asks for it, else the plain text of Prometheus). Resolves to false, and leaves the request alone, on any other path.
 */
export function probeHandler(options: ProbeOptions): ProbeHandler {
  const isReady = createReadiness(options)
  const answers: Readonly<Record<string, ProbeAnswer>> = {
    '/healthz': async (_req, res) => sendJson(res, 200, { status: 'ok' }),
    '/readyz': async (_req, res) => {
      const ready = await isReady()
      sendJson(res, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready' })
    },
    '/metrics': (req, res) => sendMetrics(options.registry, req, res),
  }
  return async (req, res) => {
    const path = req.url?.split('?', 1)[0] ?? ''
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined
    if (answer === undefined) return false
    if (req.method === 'GET' || req.method === 'HEAD') await answer(req, res)
    else res.writeHead(405, { allow: 'GET, HEAD' }).end()
    return true
  }
}

async function sendMetrics(
  registry: Registry,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const isOpen = wantsOpenMetrics(req.headers.accept)
  const text = await (isOpen ? openMetricsText(registry) : registry.metrics())
  const type = isOpen ? OPEN_METRICS_TYPE : registry.contentType
  res.writeHead(200, { 'content-type': type, vary: 'accept' }).end(text)
}

function createReadiness(options: ProbeOptions): () => Promise<boolean> {
  const { stopping, log } = options
  let wasReady: boolean | undefined
  return async () => {
    try {
      stopping?.throwIfAborted()
      await withinDeadline(options.checkReady)
      if (wasReady === false) log?.info('ready again')
      wasReady = true
    } catch (error) {
      if (wasReady !== false && !stopping?.aborted) log?.warn({ err: error }, 'not ready')
      wasReady = false
    }
    return wasReady
  }
}

/** Settles by the deadline even when `check` does not heed its signal. */
async function withinDeadline(check: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const deadline = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const reason = new Error(`No answer within ${READY_DEADLINE_MS} ms`)
    deadline.abort(reason)
    reject(reason)
  }, READY_DEADLINE_MS)
  try {
    await Promise.race([check(deadline.signal), promise])
  } finally {
    clearTimeout(timer)
  }
}

function sendJson(res: ServerResponse, status: number, body: object): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  res.end(JSON.stringify(body))
}
