import {
  createSweeper,
  createUploadKeeper,
  type GlacierDeps,
  type OrphanDeps,
  type OrphanReport,
  recoverJobs,
  type SweepReport,
  sweepOrphans,
} from '@firn/engine'
import type { RedisClient } from '@firn/redis'
import { type Logger, startLoop } from '@firn/runtime'
import type { FinalizerConfig } from './config.ts'
import { openDuty } from './duty.ts'
import { createFreshValue, type FreshValue } from './fresh-value.ts'
import { createUnfinishedWatch, type UnfinishedReport } from './unfinished-jobs.ts'

export interface Housekeeping extends AsyncDisposable {
  readonly findings: Findings
}

/**
 * What the latest passes found; null before the first of a kind, when it is long ago, and while
 * another finalizer keeps house.
 */
export interface Findings {
  readonly lastSweep: () => SweepReport | null
  readonly lastOrphanSweep: () => OrphanReport | null
  readonly unfinished: () => UnfinishedReport | null
}

const UNFINISHED_INTERVAL_MS = 15_000
const KEEPER_INTERVAL_MS = 60_000
/** How soon a finalizer that takes over does all of it, and a loss of Redis is noticed. */
const LOOK_MS = 1000
/** Of one sweep for orphans: the first ones tell the cause. */
const FAILURES_LOGGED_MAX = 20

/** Three passes may fail before what the last one found is not told any more. */
const finding = <T>(intervalMs: number): FreshValue<T> =>
  createFreshValue<T>(3 * intervalMs + 60_000, () => performance.now())

type Deps = GlacierDeps & Pick<OrphanDeps, 'vaults'>

/**
 * Starts what a finalizer does unasked while it is on duty: rebuilds jobs that only the journal
 * knows, announces work that a crash swallowed, aborts uploads that nobody owns; at once when it
 * takes over, then now and again. Several that do it at once waste work and change nothing.
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
  const lastSweep = finding<SweepReport>(config.sweepIntervalMs)
  const lastOrphanSweep = finding<OrphanReport>(config.orphanIntervalMs)
  const unfinished = finding<UnfinishedReport>(UNFINISHED_INTERVAL_MS)

  const repeat = (intervalMs: number, run: (stopped: AbortSignal) => Promise<void>): void => {
    let endedAtMs = Number.NEGATIVE_INFINITY
    const runWhenDue = async (stopped: AbortSignal): Promise<void> => {
      if (!duty.isOn()) endedAtMs = Number.NEGATIVE_INFINITY
      else if (performance.now() - endedAtMs >= intervalMs) {
        try {
          await run(stopped)
        } finally {
          endedAtMs = performance.now()
        }
      }
    }
    const lookMs = Math.min(intervalMs, LOOK_MS)
    loops.use(startLoop({ intervalMs: lookMs, run: runWhenDue, onError }))
  }

  let recoveredAtMs = Number.NEGATIVE_INFINITY
  repeat(LOOK_MS, async (stopped) => {
    const isDue = performance.now() - recoveredAtMs >= config.recoverIntervalMs
    if (!isDue && (await deps.store.hasMark(stopped))) return
    const { rebuilt, known, failed } = await recoverJobs(deps, { isDryRun: false }, stopped)
    recoveredAtMs = performance.now()
    for (const { jobId, error: err } of failed) log.error({ jobId, err }, 'job cannot be rebuilt')
    if (rebuilt.length === 0) return
    log.warn({ known, rebuilt: rebuilt.length }, 'jobs were rebuilt from the journal')
  })

  const sweeper = createSweeper(deps)
  repeat(config.sweepIntervalMs, async (stopped) => {
    const swept = await sweeper.sweep(stopped)
    lastSweep.set(swept)
    const { due, nudged } = swept
    if (nudged > 0) log.info({ due, nudged }, 'jobs that stood still were announced again')
  })
  repeat(config.orphanIntervalMs, async (stopped) => {
    const swept = await sweepOrphans({ ...deps, graceMs: config.orphanGraceMs }, stopped)
    lastOrphanSweep.set(swept)
    reportOrphans(swept, log)
  })
  const { keepAliveMs } = config
  const keeper = createUploadKeeper({ ...deps, keepAliveMs })
  repeat(Math.min(KEEPER_INTERVAL_MS, Math.max(100, keepAliveMs / 16)), async (stopped) => {
    const asked = await keeper.look(stopped)
    if (asked > 0) log.info({ asked }, 'workers were asked to keep idle uploads alive')
  })
  const watch = createUnfinishedWatch(deps)
  repeat(UNFINISHED_INTERVAL_MS, async (stopped) => unfinished.set(await watch.look(stopped)))

  const whileOnDuty =
    <T>(value: FreshValue<T>) =>
    () =>
      duty.isOn() ? value.get() : null
  return {
    findings: {
      lastSweep: whileOnDuty(lastSweep),
      lastOrphanSweep: whileOnDuty(lastOrphanSweep),
      unfinished: whileOnDuty(unfinished),
    },
    [Symbol.asyncDispose]: () => loops[Symbol.asyncDispose](),
  }
}

function reportOrphans({ aborted, failures }: OrphanReport, log: Logger): void {
  for (const { vault, uploadId, error: err } of failures.slice(0, FAILURES_LOGGED_MAX)) {
    if (uploadId === null) log.warn({ vault, err }, 'vault cannot be swept for orphans')
    else log.warn({ vault, uploadId, err }, 'orphan cannot be aborted')
  }
  const unlogged = failures.length - FAILURES_LOGGED_MAX
  if (unlogged > 0) log.warn({ unlogged }, 'more failures of the sweep for orphans')
  if (aborted > 0) log.warn({ aborted }, 'ownerless uploads were aborted')
}
