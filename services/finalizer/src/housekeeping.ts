import {
  createSweeper,
  type GlacierDeps,
  type OrphanDeps,
  recoverJobs,
  type SweepReport,
  sweepOrphans,
} from '@firn/engine'
import { type RedisClient, readRunId } from '@firn/redis'
import { type Logger, startLoop } from '@firn/runtime'
import type { FinalizerConfig } from './config.ts'
import { openDuty } from './duty.ts'
import { createIdleWatch } from './upload-idle.ts'

export interface Housekeeping extends AsyncDisposable {
  /** The latest pass of the sweeper; null before the first, and while another finalizer keeps house. */
  readonly lastSweep: () => SweepReport | null
  /** Uploads without an owner that the latest look left in place; null as above. */
  readonly orphanCount: () => number | null
  /** The longest that an open upload has stood still; null as above. */
  readonly uploadIdleMs: () => number | null
}

/** Hours matter, not seconds. */
const IDLE_INTERVAL_MS = 15_000
/** How soon a loss, or a finalizer that takes over, leads to a comparison with the journal. */
const RECOVER_LOOK_MS = 1000
const RUN_ID_TIMEOUT_MS = 2000

type Deps = GlacierDeps & Pick<OrphanDeps, 'vaults'>

/**
 * Starts what a finalizer does unasked while it is on duty: rebuilds jobs that only the journal
 * knows (at once, then now and again), announces work that a crash swallowed, aborts uploads that
 * nobody owns. Several that do it at once waste work and change nothing.
 */
export function startHousekeeping(
  deps: Deps,
  context: {
    readonly config: FinalizerConfig
    /** Where finalizers agree on who is on duty. */
    readonly redis: RedisClient
    readonly log: Logger
  },
): Housekeeping {
  const { config, redis, log } = context
  const onError = (err: unknown): void => log.warn({ err }, 'housekeeping will be repeated')
  const loops = new AsyncDisposableStack()
  const duty = loops.use(openDuty({ redis, ttlMs: config.lockDurationMs, onError }))
  let lastSweep: SweepReport | null = null
  let orphanCount: number | null = null
  let uploadIdleMs: number | null = null
  let recoveredAtMs = Number.NEGATIVE_INFINITY
  let runId: string | null = null

  /** What was seen would soon be wrong; whoever takes over begins with a look at the journal. */
  const rest = (): void => {
    lastSweep = null
    orphanCount = null
    uploadIdleMs = null
    recoveredAtMs = Number.NEGATIVE_INFINITY
  }
  const repeat = (intervalMs: number, run: (stopped: AbortSignal) => Promise<void>): void => {
    const runOnDuty = async (stopped: AbortSignal): Promise<void> => {
      if (duty.isOn()) await run(stopped)
      else rest()
    }
    loops.use(startLoop({ intervalMs, run: runOnDuty, onError }))
  }

  repeat(RECOVER_LOOK_MS, async (stopped) => {
    const seenRunId = await readRunId(redis, RUN_ID_TIMEOUT_MS, stopped)
    const isDue = performance.now() - recoveredAtMs >= config.recoverIntervalMs
    const mayHaveLost = seenRunId !== runId || !(await deps.store.hasMark(stopped))
    if (!isDue && !mayHaveLost) return
    const { rebuilt, known, failed } = await recoverJobs(deps, { isDryRun: false }, stopped)
    recoveredAtMs = performance.now()
    runId = seenRunId
    for (const { jobId, error: err } of failed) log.error({ jobId, err }, 'job cannot be rebuilt')
    if (rebuilt.length === 0) return
    log.warn({ known, rebuilt: rebuilt.length }, 'jobs were rebuilt from the journal')
  })

  const sweeper = createSweeper(deps)
  repeat(config.sweepIntervalMs, async (stopped) => {
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

  const whileOnDuty = <T>(read: () => T | null) => (duty.isOn() ? read() : null)
  return {
    lastSweep: () => whileOnDuty(() => lastSweep),
    orphanCount: () => whileOnDuty(() => orphanCount),
    uploadIdleMs: () => whileOnDuty(() => uploadIdleMs),
    [Symbol.asyncDispose]: () => loops[Symbol.asyncDispose](),
  }
}
