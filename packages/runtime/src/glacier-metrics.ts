import { Counter, Histogram, type Registry } from 'prom-client'

/** What is noted of one request to Glacier. `outcome` is `ok` or an error code: a closed set. */
export interface GlacierRequestEnd {
  readonly operation: string
  readonly outcome: string
  readonly seconds: number
}

/** Counts and times the requests to Glacier of this process. */
export function observeGlacier(registry: Registry): (request: GlacierRequestEnd) => void {
  const requests = new Counter({
    name: 'firn_glacier_requests_total',
    help: 'Requests to Glacier by operation and outcome',
    labelNames: ['operation', 'outcome'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'firn_glacier_request_duration_seconds',
    help: 'Duration of requests to Glacier',
    labelNames: ['operation'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000],
    registers: [registry],
  })
  return ({ operation, outcome, seconds }) => {
    requests.inc({ operation, outcome })
    durations.observe({ operation }, seconds)
  }
}
