import { Counter, Histogram, type Registry } from 'prom-client'
import { createVaultLabels } from './vault-labels.ts'

/** What is noted of one request to Glacier. `outcome` is `ok` or an error code: a closed set. */
export interface GlacierRequestEnd {
  readonly operation: string
  /** Null when the request concerns no single vault. */
  readonly vault: string | null
  readonly outcome: string
  readonly seconds: number
}

/** Counts and times the requests to Glacier of this process. */
export function observeGlacier(registry: Registry): (request: GlacierRequestEnd) => void {
  const requests = new Counter({
    name: 'firn_glacier_requests_total',
    help: 'Requests to Glacier by operation, outcome and vault',
    labelNames: ['operation', 'outcome', 'vault'],
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'firn_glacier_request_duration_seconds',
    help: 'Duration of requests to Glacier',
    labelNames: ['operation'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000],
    registers: [registry],
  })
  const labelOf = createVaultLabels()
  return ({ operation, vault, outcome, seconds }) => {
    requests.inc({ operation, outcome, vault: labelOf(vault) })
    durations.observe({ operation }, seconds)
  }
}
