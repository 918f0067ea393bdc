import { type Controls, defaultControls } from '@firn/core'
import { type ControlStore, type SeenWorker, WORKER_TTL_MS } from './control-store.ts'
import { storeCall } from './store-call.ts'

/** Controls in this process's memory, for tests. `now` is Unix time in milliseconds. */
export function createMemoryControlStore({ now }: { readonly now: () => number }): ControlStore {
  let controls: Controls = defaultControls
  const workers = new Map<string, SeenWorker>()
  return {
    load: (signal) => storeCall('read the controls', signal, async () => controls),

    change: (change, signal) =>
      storeCall('change the controls', signal, async () => {
        controls = change(controls)
        return controls
      }),

    reportWorker: (report, signal) =>
      storeCall('report a worker', signal, async () => {
        workers.set(report.name, { ...report, seenAtMs: now() })
      }),

    forgetWorker: (name, signal) =>
      storeCall('forget a worker', signal, async () => {
        workers.delete(name)
      }),

    listWorkers: (signal) =>
      storeCall('list workers', signal, async () =>
        [...workers.values()]
          .filter(({ seenAtMs }) => seenAtMs > now() - WORKER_TTL_MS)
          .sort((a, b) => (a.name < b.name ? -1 : 1)),
      ),
  }
}
