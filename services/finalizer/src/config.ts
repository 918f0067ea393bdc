import { join } from 'node:path'
import { integerVariable, parseEnv, portVariable } from '@firn/runtime'
import { z } from 'zod'

export interface FinalizerConfig {
  readonly redisUrl: string
  readonly journalUrl: string
  /** Archives completed at once. */
  readonly concurrency: number
  /** How long a job stays taken after its finalizer died. */
  readonly lockDurationMs: number
  readonly stalledIntervalMs: number
  /** The wait before a counted retry: at most `baseMs`, doubling up to `capMs`. */
  readonly backoff: { readonly baseMs: number; readonly capMs: number }
  /** Counted tries of an opening or a part before the job fails. */
  readonly attempts: { readonly open: number; readonly parts: number }
  /** Deadline of a request to Glacier. */
  readonly glacierTimeoutMs: number
  /** Deadline of Complete, which may take minutes, and of reading an inventory. */
  readonly completeTimeoutMs: number
  readonly sweepIntervalMs: number
  /** How often the journal is compared with Redis. */
  readonly recoverIntervalMs: number
  readonly orphanIntervalMs: number
  /** How old an upload without an owner must be before it is aborted. */
  readonly orphanGraceMs: number
  /** How much newer than a doubt an inventory must be to prove that nothing was created. */
  readonly inventoryMarginMs: number
  /** How long a doubt waits for such an inventory before it needs an operator. */
  readonly inventoryPatienceMs: number
  /** How long the upload of a paused job may stand still before it is kept alive; 0 for ever. */
  readonly keepAliveMs: number
  readonly metricsHost: string
  readonly metricsPort: number
}

const DAY_MS = 24 * 3600 * 1000

const FinalizerEnv = z.object({
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  FIRN_DATA_DIR: z.string().default('.firn'),
  JOURNAL_URL: z.string().optional(),
  FINALIZER_CONCURRENCY: integerVariable({ min: 1, max: 256, defaultValue: 8 }),
  SWEEP_INTERVAL_MS: integerVariable({ min: 100, max: 3_600_000, defaultValue: 5_000 }),
  LOCK_DURATION_MS: integerVariable({ min: 2000, max: 600_000, defaultValue: 15_000 }),
  STALLED_INTERVAL_MS: integerVariable({ min: 500, max: 600_000, defaultValue: 5_000 }),
  RETRY_BASE_MS: integerVariable({ min: 10, max: 600_000, defaultValue: 1000 }),
  RETRY_CAP_MS: integerVariable({ min: 10, max: 3_600_000, defaultValue: 60_000 }),
  RETRY_ATTEMPTS: integerVariable({ min: 1, max: 1000, defaultValue: 20 }),
  GLACIER_REQUEST_TIMEOUT_MS: integerVariable({ min: 1000, max: 3_600_000, defaultValue: 60_000 }),
  GLACIER_COMPLETE_TIMEOUT_MS: integerVariable({ min: 1000, max: DAY_MS, defaultValue: 900_000 }),
  RECOVER_INTERVAL_MS: integerVariable({ min: 1000, max: DAY_MS, defaultValue: 600_000 }),
  ORPHAN_INTERVAL_MS: integerVariable({ min: 1000, max: DAY_MS, defaultValue: 300_000 }),
  ORPHAN_GRACE_MS: integerVariable({ min: 0, max: DAY_MS, defaultValue: 3_600_000 }),
  INVENTORY_MARGIN_MS: integerVariable({ min: 0, max: 7 * DAY_MS, defaultValue: DAY_MS }),
  INVENTORY_PATIENCE_MS: integerVariable({ min: 0, max: 30 * DAY_MS, defaultValue: 3 * DAY_MS }),
  UPLOAD_KEEPALIVE_MS: integerVariable({ min: 0, max: DAY_MS, defaultValue: DAY_MS / 3 }),
  FINALIZER_METRICS_HOST: z.string().default('127.0.0.1'),
  FINALIZER_METRICS_PORT: portVariable(9102),
})

/** Throws a `ConfigError` that lists every bad variable. */
export function readFinalizerConfig(env: NodeJS.ProcessEnv): FinalizerConfig {
  const parsed = parseEnv(FinalizerEnv, env)
  return {
    redisUrl: parsed.REDIS_URL,
    journalUrl: parsed.JOURNAL_URL ?? `file:${join(parsed.FIRN_DATA_DIR, 'journal')}`,
    concurrency: parsed.FINALIZER_CONCURRENCY,
    sweepIntervalMs: parsed.SWEEP_INTERVAL_MS,
    lockDurationMs: parsed.LOCK_DURATION_MS,
    stalledIntervalMs: parsed.STALLED_INTERVAL_MS,
    backoff: { baseMs: parsed.RETRY_BASE_MS, capMs: parsed.RETRY_CAP_MS },
    attempts: { open: parsed.RETRY_ATTEMPTS, parts: parsed.RETRY_ATTEMPTS },
    glacierTimeoutMs: parsed.GLACIER_REQUEST_TIMEOUT_MS,
    completeTimeoutMs: parsed.GLACIER_COMPLETE_TIMEOUT_MS,
    recoverIntervalMs: parsed.RECOVER_INTERVAL_MS,
    orphanIntervalMs: parsed.ORPHAN_INTERVAL_MS,
    orphanGraceMs: parsed.ORPHAN_GRACE_MS,
    inventoryMarginMs: parsed.INVENTORY_MARGIN_MS,
    inventoryPatienceMs: parsed.INVENTORY_PATIENCE_MS,
    keepAliveMs: parsed.UPLOAD_KEEPALIVE_MS,
    metricsHost: parsed.FINALIZER_METRICS_HOST,
    metricsPort: parsed.FINALIZER_METRICS_PORT,
  }
}
