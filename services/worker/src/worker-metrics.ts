import type { PartDeps } from '@firn/engine'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { WorkerControls } from './worker-controls.ts'

/** What a worker says of its parts. */
export interface WorkerMetrics {
  readonly observe: PartDeps['observe']
  readonly lockLost: () => void
}

/**
 * Registers a worker's metrics.
 *
 * @param slots how many parts run now, and at most; none is idle while the worker holds.
 */
export function createWorkerMetrics(
  registry: Registry,
  slots: Pick<WorkerControls, 'slotCount' | 'isHolding'> & { readonly busyCount: () => number },
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
      // More may run than there are slots, after an operator took some away.
      const free = Math.max(0, slots.slotCount() - slots.busyCount())
      this.set({ state: 'busy' }, slots.busyCount())
      this.set({ state: 'idle' }, slots.isHolding() ? 0 : free)
      this.set({ state: 'held' }, slots.isHolding() ? free : 0)
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
