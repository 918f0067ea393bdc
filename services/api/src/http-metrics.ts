import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JobStore } from '@firn/store'
import { Gauge, Histogram, type Registry } from 'prom-client'

export interface HttpMetrics {
  /** Measures the request until its answer is finished or its connection gone. */
  readonly observe: (req: IncomingMessage, res: ServerResponse) => void
  /** Names the route by its template, so that no id becomes a label. */
  readonly setRoute: (res: ServerResponse, route: string) => void
}

/** Methods that get a label of their own; there are some thirty others. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])

/** Durations of requests by route, method and status. Streams end with their clients: left out. */
export function createHttpMetrics(registry: Registry): HttpMetrics {
  const duration = new Histogram<'route' | 'method' | 'status' | 'request_id'>({
    name: 'firn_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['route', 'method', 'status'],
    enableExemplars: true,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    // The library refuses exemplars in a registry that can also be read as plain text.
    registers: [],
  })
  registry.registerMetric(duration)
  const routes = new WeakMap<ServerResponse, string>()
  return {
    observe(req, res) {
      const startMs = performance.now()
      res.once('close', () => {
        if (res.getHeader('content-type') === 'text/event-stream') return
        const method = methods.has(req.method ?? '') ? (req.method ?? '') : 'OTHER'
        const labels = { route: routes.get(res) ?? 'none', method, status: res.statusCode }
        const exemplarLabels = { request_id: String(res.getHeader('x-request-id')) }
        duration.observe({ labels, value: (performance.now() - startMs) / 1000, exemplarLabels })
      })
    },
    setRoute(res, route) {
      routes.set(res, route)
    },
  }
}

const SCRAPE_TIMEOUT_MS = 2000

/** Jobs by state, counted when asked. While the store is away the samples are, too: no old numbers. */
export function registerJobMetrics(
  registry: Registry,
  store: Pick<JobStore, 'countByState'>,
): void {
  new Gauge({
    name: 'firn_jobs',
    help: 'Jobs by state',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      this.reset()
      try {
        const counts = await store.countByState(AbortSignal.timeout(SCRAPE_TIMEOUT_MS))
        for (const [state, count] of Object.entries(counts)) this.set({ state }, count)
      } catch {
        // Absence is the signal; the outage itself is logged by whoever needs the store.
      }
    },
  })
}
