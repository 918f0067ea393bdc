import { join } from 'node:path'
import { until } from '@firn/testing'
import {
  openScratch,
  openTestStack,
  type Scratch,
  submit,
  type TestStack,
  untilArchived,
} from '../e2e/test-stack.ts'
import { freePorts } from './free-ports.ts'
import type { Sample } from './query-prometheus.ts'
import { startPrometheus, type TestPrometheus } from './start-prometheus.ts'

export const MIB = 1024 ** 2
/** For what takes seconds when nothing else runs on the machine. */
export const WAIT_MAX_MS = 180_000
export const WORKERS = 3
export const SLOTS = 4
/** Two, as in production: what both tell must not count twice. */
const FINALIZERS = 2

/** A whole Firn with real processes, and a Prometheus that scrapes all of them. */
export interface MetricsScene extends AsyncDisposable {
  readonly scratch: Scratch
  readonly test: TestStack
  readonly prometheus: TestPrometheus
  readonly query: (expr: string) => Promise<readonly Sample[]>
  /** Resolves when each query has data. */
  readonly untilData: (...exprs: readonly string[]) => Promise<void>
  /** Scrapes the processes that run now, as service discovery would. */
  readonly discover: () => Promise<void>
  /** The faults of the vault from now on; see `docs/vault.md`. */
  readonly setFaults: (rules: readonly object[]) => Promise<void>
}

export async function openMetricsScene(): Promise<MetricsScene> {
  await using resources = new AsyncDisposableStack()
  const scratch = resources.use(await openScratch())
  const [controlPort = 0] = await freePorts(1)
  const test = resources.use(
    await openTestStack(scratch, {
      workerCount: WORKERS,
      finalizerCount: FINALIZERS,
      envByKind: {
        worker: { WORKER_CONCURRENCY: String(SLOTS), LOCK_DURATION_MS: '5000' },
        finalizer: { ORPHAN_INTERVAL_MS: '1000', SWEEP_INTERVAL_MS: '1000' },
        vault: { VAULT_CONTROL_PORT: String(controlPort) },
      },
    }),
  )
  const prometheus = resources.use(
    await startPrometheus({ directory: join(scratch.path, 'prometheus') }),
  )
  const { query } = prometheus
  const discover = async (): Promise<void> => {
    const targets: Record<string, string[]> = {}
    for (const { kind, url, isRunning } of test.stack.processes()) {
      if (url === null || !isRunning) continue
      const job = `firn-${kind}`
      targets[job] = [...(targets[job] ?? []), new URL(url).host]
    }
    await prometheus.setTargets(targets)
  }
  await discover()
  const owned = resources.move()
  return {
    ...{ scratch, test, prometheus, query, discover },
    async untilData(...exprs) {
      for (const expr of exprs) {
        const isThere = async () => (await query(expr)).length > 0
        await until(isThere, { timeoutMs: WAIT_MAX_MS, intervalMs: 200 }).catch((cause) => {
          throw new Error(`No data within ${WAIT_MAX_MS} ms: ${expr}`, { cause })
        })
      }
    },
    async setFaults(rules) {
      const response = await fetch(`http://127.0.0.1:${controlPort}/faults`, {
        method: 'PUT',
        body: JSON.stringify({ rules }),
      })
      if (!response.ok) throw new Error(`The vault refuses the faults: ${await response.text()}`)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Archives files, one after the other, until disposed; then waits for the last one. */
export function keepArchiving(
  { test }: Pick<MetricsScene, 'test'>,
  file: string,
  vault: string,
): AsyncDisposable & { readonly archivedCount: () => number } {
  let isDone = false
  let archivedCount = 0
  const work = (async () => {
    while (!isDone) {
      const { id } = await submit(test, file, { partSize: MIB, vault })
      await untilArchived(test, id)
      archivedCount += 1
    }
  })()
  work.catch(() => {})
  return {
    archivedCount: () => archivedCount,
    async [Symbol.asyncDispose]() {
      isDone = true
      await work
    },
  }
}

/** The one number that the query gives; undefined when there is no or more than one. */
export function single(samples: readonly Sample[]): number | undefined {
  return samples.length === 1 ? samples[0]?.value : undefined
}
