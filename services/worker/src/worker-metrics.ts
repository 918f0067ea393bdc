import type { PartDeps, PartOutcome } from '@firn/engine'
import { countLocksLost, createVaultLabels } from '@firn/runtime'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { WorkerControls } from './worker-controls.ts'

const OUTCOMES: readonly PartOutcome[] = ['uploaded', 'skipped', 'stopped', 'failed']

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
  const labelOf = createVaultLabels()
  const parts = new Counter({
    name: 'firn_parts_total',
    help: 'Runs of parts by outcome and vault',
    labelNames: ['outcome', 'vault'],
    registers,
  })
  const bytes = new Counter({
    name: 'firn_part_bytes_total',
    help: 'Bytes of parts that were uploaded and recorded, by vault',
    labelNames: ['vault'],
    registers,
  })
  const durations = new Histogram<'phase' | 'job_id'>({
    name: 'firn_part_duration_seconds',
    help: 'Duration of the phases of a part',
    labelNames: ['phase'],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    enableExemplars: true,
    // The library refuses exemplars in a registry that can also be read as plain text.
    registers: [],
  })
  registry.registerMetric(durations)
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
      phase(phase, ms, { id, vault }) {
        durations.observe({ labels: { phase }, value: ms / 1000, exemplarLabels: { job_id: id } })
        // Before its first part is counted, so that it is an increase.
        for (const outcome of OUTCOMES) parts.inc({ outcome, vault: labelOf(vault) }, 0)
        bytes.inc({ vault: labelOf(vault) }, 0)
      },
      part(outcome, vault, sizeBytes) {
        parts.inc({ outcome, vault: labelOf(vault) })
        if (sizeBytes > 0) bytes.inc({ vault: labelOf(vault) }, sizeBytes)
      },
    },
    lockLost: countLocksLost(registry),
  }
}
