import type { PartDeps } from '@firn/engine'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** What a worker says of its parts. */
export interface WorkerMetrics {
  readonly observe: PartDeps['observe']
  readonly lockLost: () => void
}

/**
 * Registers a worker's metrics.
 *
 * @param slots how many parts run now, and at most.
 */
export function createWorkerMetrics(
  registry: Registry,
  slots: { readonly busy: () => number; readonly total: number },
): WorkerMetrics {
  const registers = [registry]
  const parts = new Counter({
    name: 'firn_parts_total',
    help: 'Runs of parts by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const bytes = new Counter({
    name: 'firn_part_bytes_total',
    help: 'Bytes of parts that were uploaded and recorded',
    registers,
  })
  const durations = new Histogram({
    name: 'firn_part_duration_seconds',
    help: 'Duration of the phases of a part',
    labelNames: ['phase'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    registers,
  })
  const locks = new Counter({
    name: 'firn_lock_lost_total',
    help: 'Runs that lost their lock, or could not be sure of it',
    registers,
  })
  new Gauge({
    name: 'firn_worker_slots',
    help: 'Slots for parts in flight by state',
    labelNames: ['state'],
    registers,
    collect() {
      this.set({ state: 'busy' }, slots.busy())
      this.set({ state: 'idle' }, slots.total - slots.busy())
    },
  })
  return {
    observe: {
      phase: (phase, ms) => durations.observe({ phase }, ms / 1000),
      part(outcome, sizeBytes) {
        parts.inc({ outcome })
        bytes.inc(sizeBytes)
      },
    },
    lockLost: () => locks.inc(),
  }
}
