import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { RequestStats } from './control/request-stats.ts'

export interface VaultMetrics {
  /** Returns what to call, once, when the answer is sent. */
  readonly startRequest: () => (labels: {
    readonly operation: string
    readonly outcome: string
  }) => void
  readonly addReceivedBytes: (count: number) => void
}

/** Prometheus metrics; `stats` is told the same. */
export function createVaultMetrics(registry: Registry, stats: RequestStats): VaultMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'firn_vault_requests_total',
    help: 'Requests by operation and outcome: ok, or the error code',
    labelNames: ['operation', 'outcome'],
    registers,
  })
  const durations = new Histogram({
    name: 'firn_vault_request_duration_seconds',
    help: 'From the head of a request to the end of its answer',
    labelNames: ['operation'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300],
    registers,
  })
  const inFlight = new Gauge({
    name: 'firn_vault_requests_in_flight',
    help: 'Requests that are not answered yet',
    registers,
  })
  const received = new Counter({
    name: 'firn_vault_received_bytes_total',
    help: 'Bytes of archives and parts received, kept or not',
    registers,
  })
  return {
    startRequest() {
      inFlight.inc()
      const endStats = stats.begin()
      const startedAtMs = performance.now()
      return ({ operation, outcome }) => {
        inFlight.dec()
        endStats({ operation, outcome })
        requests.inc({ operation, outcome })
        durations.observe({ operation }, (performance.now() - startedAtMs) / 1000)
      }
    },
    addReceivedBytes(count) {
      received.inc(count)
      stats.addReceivedBytes(count)
    },
  }
}
