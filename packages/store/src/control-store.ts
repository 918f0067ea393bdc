import type { Controls } from '@firn/core'
import type { WorkerReport } from '@firn/records'

export type { WorkerReport } from '@firn/records'

/** A worker that has reported of late. */
export interface SeenWorker extends WorkerReport {
  /** Its latest report, by the store's clock. */
  readonly seenAtMs: number
}

/** A worker that has not reported for this long is gone. */
export const WORKER_TTL_MS = 15_000

/**
 * What operators set and what workers say of themselves. Lost with Redis: then the defaults hold.
 * Every method rejects as those of `JobStore` do.
 */
export interface ControlStore {
  /** The defaults before anybody changed anything. */
  readonly load: (signal: AbortSignal) => Promise<Controls>
  /**
   * Changes them, in one step as everybody sees it; resolves to what holds then. `change` is pure:
   * it is called again when somebody else was faster, and one that gives the same object changes
   * nothing.
   */
  readonly change: (
    change: (controls: Controls) => Controls,
    signal: AbortSignal,
  ) => Promise<Controls>
  /** To be repeated well within {@link WORKER_TTL_MS}. */
  readonly reportWorker: (report: WorkerReport, signal: AbortSignal) => Promise<void>
  /** Of a worker that ends in good order. */
  readonly forgetWorker: (name: string, signal: AbortSignal) => Promise<void>
  /** The workers that have reported of late, by name. */
  readonly listWorkers: (signal: AbortSignal) => Promise<readonly SeenWorker[]>
}
