import { type Controls, defaultControls } from '@firn/core'
import { startLoop, watchValue } from '@firn/runtime'
import type { ControlStore } from '@firn/store'
import type { WorkerConsumers } from './worker-consumers.ts'

/** What operators want of this worker, and what it makes of it. */
export interface WorkerControls extends AsyncDisposable {
  readonly current: () => Controls
  readonly slotCount: () => number
  /** It begins nothing: everything is held, it is told to drain, or it does not know yet. */
  readonly isHolding: () => boolean
  /** For readiness: rejects while the worker is told to drain. */
  readonly checkDraining: () => Promise<void>
  /** From here on the consumers do what operators want; until then they begin nothing. */
  readonly drive: (consumers: Pick<WorkerConsumers, 'adjust' | 'activeCount'>) => void
}

const READ_INTERVAL_MS = 1000
/** Several of these may be lost before the worker passes for gone. */
const REPORT_INTERVAL_MS = 2000
const FORGET_TIMEOUT_MS = 1000

/** Follows the controls, and reports the worker to who asks which workers there are. */
export function openWorkerControls(options: {
  readonly store: ControlStore
  readonly workerName: string
  /** Parts in flight at once as configured. */
  readonly concurrency: number
  readonly onError: (error: unknown) => void
}): WorkerControls {
  const { store, workerName, onError } = options
  let consumers: Pick<WorkerConsumers, 'adjust' | 'activeCount'> | null = null

  const watched = watchValue<Controls | null>({
    initial: null,
    read: store.load,
    intervalMs: READ_INTERVAL_MS,
    onRead: () => apply(),
    onError,
  })
  const isDraining = (): boolean => watched.current()?.drainingWorkers.includes(workerName) ?? false
  const isHolding = (): boolean => (watched.current()?.isHeld ?? true) || isDraining()
  const slotCount = (): number => watched.current()?.workerConcurrency ?? options.concurrency
  const apply = (): void => consumers?.adjust({ isHeld: isHolding(), concurrency: slotCount() })

  const reports = startLoop({
    intervalMs: REPORT_INTERVAL_MS,
    run: (signal) =>
      store.reportWorker(
        {
          name: workerName,
          slotCount: slotCount(),
          busyCount: consumers?.activeCount() ?? 0,
          isHolding: isHolding(),
        },
        signal,
      ),
    onError,
  })

  return {
    current: () => watched.current() ?? defaultControls,
    slotCount,
    isHolding,
    async checkDraining() {
      if (isDraining()) throw new Error('An operator has told this worker to drain')
    },
    drive(driven) {
      consumers = driven
      apply()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([watched[Symbol.asyncDispose](), reports[Symbol.asyncDispose]()])
      // Only tidier: a worker that says nothing is forgotten anyway.
      await store
        .forgetWorker(workerName, AbortSignal.timeout(FORGET_TIMEOUT_MS))
        .catch(() => undefined)
    },
  }
}
