import {
  createSweeper,
  type GlacierDeps,
  type OrphanDeps,
  recoverJobs,
  type SweepReport,
  sweepOrphans,
} from '@firn/engine'
import { type Logger, startLoop } from '@firn/runtime'
import type { FinalizerConfig } from './config.ts'
import { createIdleWatch } from './upload-idle.ts'

export interface Housekeeping extends AsyncDisposable {
  /** The latest pass of the sweeper, or null before the first. */
  readonly lastSweep: () => SweepReport | null
  /** Uploads without an owner that the latest look left in place. */
  readonly orphanCount: () => number
  /** The longest that an open upload has stood still, or null before the first look. */
  readonly uploadIdleMs: () => number | null
}

/** Hours matter, not seconds. */
const IDLE_INTERVAL_MS = 15_000

type Deps = GlacierDeps & Pick<OrphanDeps, 'vaults'>

/**
 * Starts what a finalizer does unasked: rebuilds jobs that only the journal knows (at once, then
 * now and again), announces work that a crash swallowed, aborts uploads that nobody owns. Every
 * finalizer does all of it; doing it twice changes nothing.
 */
export function startHousekeeping(
  deps: Deps,
  context: {
    readonly config: FinalizerConfig
    readonly log: Logger
  },
): Housekeeping {
  const { config, log } = context
  const loops = new AsyncDisposableStack()
  let lastSweep: SweepReport | null = null
  let orphanCount = 0
  let uploadIdleMs: number | null = null

  const repeat = (
    intervalMs: number,
    run: (stopped: AbortSignal) => Promise<void>,
    firstMs = intervalMs,
  ): void => {
    const onError = (err: unknown): void => log.warn({ err }, 'housekeeping will be repeated')
    loops.use(startLoop({ intervalMs, firstMs, run, onError }))
  }

  const recover = async (stopped: AbortSignal): Promise<void> => {
    const { rebuilt, known, failed } = await recoverJobs(deps, { isDryRun: false }, stopped)
    for (const { jobId, error: err } of failed) log.error({ jobId, err }, 'job cannot be rebuilt')
    if (rebuilt.length === 0) return
    log.warn({ known, rebuilt: rebuilt.length }, 'jobs were rebuilt from the journal')
  }
  repeat(config.recoverIntervalMs, recover, 0)

  const sweeper = createSweeper(deps)
  repeat(config.sweepIntervalMs, async (stopped) => {
    if (lastSweep !== null && !(await deps.store.hasMark(stopped))) await recover(stopped)
    lastSweep = await sweeper.sweep(stopped)
    const { due, nudged } = lastSweep
    if (nudged > 0) log.info({ due, nudged }, 'jobs that stood still were announced again')
  })
  repeat(config.orphanIntervalMs, async (stopped) => {
    const swept = await sweepOrphans({ ...deps, graceMs: config.orphanGraceMs }, stopped)
    orphanCount = swept.orphans - swept.aborted
    for (const err of swept.failures) log.warn({ err }, 'vault cannot be swept for orphans')
    if (swept.aborted > 0) log.warn({ aborted: swept.aborted }, 'ownerless uploads were aborted')
  })

  const idle = createIdleWatch({ list: deps.store.list, now: deps.now })
  repeat(IDLE_INTERVAL_MS, async (stopped) => {
    uploadIdleMs = await idle.look(stopped)
  })

  return {
    lastSweep: () => lastSweep,
    orphanCount: () => orphanCount,
    uploadIdleMs: () => uploadIdleMs,
    [Symbol.asyncDispose]: () => loops[Symbol.asyncDispose](),
  }
}
