import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { MIB } from '@firn/core'
import { integerVariable, parseEnv, portVariable } from '@firn/runtime'
import { z } from 'zod'

export interface WorkerConfig {
  readonly redisUrl: string
  readonly journalUrl: string
  /** Directories that `file` sources may lie under; absolute. */
  readonly sourceRoots: readonly string[]
  /** Parts in flight at once. */
  readonly concurrency: number
  /** Uploads opened at once; cheap, unless a job's SHA-256 has to be verified first. */
  readonly openConcurrency: number
  /** None is opened while so many jobs, of all workers, are uploading. */
  readonly openJobsMax: number
  /** How long a part stays taken after its worker died. */
  readonly lockDurationMs: number
  readonly stalledIntervalMs: number
  /** The wait before a counted retry: at most `baseMs`, doubling up to `capMs`. */
  readonly backoff: { readonly baseMs: number; readonly capMs: number }
  /** Counted tries of an opening or a part before the job fails. */
  readonly attempts: { readonly open: number; readonly parts: number }
  /** Tries while a service is away before the job fails; at the longest wait half a minute each. */
  readonly outageRunsMax: number
  /** Runs of one opening or part that may be cut off before its job fails. */
  readonly cutRunsMax: number
  /** Deadline of a request to Glacier; a part has a second for each MiB on top. */
  readonly glacierTimeoutMs: number
  /** How long the upload of a paused job may stand still before it is kept alive; 0 for ever. */
  readonly keepAliveMs: number
  /** For part buffers; larger parts are streamed. */
  readonly memoryBytes: number
  readonly hashThreads: number
  readonly metricsHost: string
  readonly metricsPort: number
}

const DAY_MS = 24 * 3600 * 1000

const WorkerEnv = z.object({
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  FIRN_DATA_DIR: z.string().default('.firn'),
  JOURNAL_URL: z.string().optional(),
  SOURCE_ROOTS: z
    .string()
    .describe('directories, separated by colons, that files to archive may lie under'),
  WORKER_CONCURRENCY: integerVariable({ min: 1, max: 256, defaultValue: 4 }),
  OPEN_JOBS_MAX: integerVariable({ min: 1, max: 100_000, defaultValue: 1000 }),
  LOCK_DURATION_MS: integerVariable({ min: 2000, max: 600_000, defaultValue: 15_000 }),
  STALLED_INTERVAL_MS: integerVariable({ min: 500, max: 600_000, defaultValue: 5_000 }),
  RETRY_BASE_MS: integerVariable({ min: 10, max: 600_000, defaultValue: 1000 }),
  RETRY_CAP_MS: integerVariable({ min: 10, max: 3_600_000, defaultValue: 60_000 }),
  RETRY_ATTEMPTS: integerVariable({ min: 1, max: 1000, defaultValue: 20 }),
  RETRY_OUTAGE_RUNS: integerVariable({ min: 1, max: 1_000_000, defaultValue: 1440 }),
  RETRY_CUT_RUNS: integerVariable({ min: 2, max: 1000, defaultValue: 50 }),
  GLACIER_REQUEST_TIMEOUT_MS: integerVariable({ min: 1000, max: 3_600_000, defaultValue: 60_000 }),
  UPLOAD_KEEPALIVE_MS: integerVariable({ min: 0, max: DAY_MS, defaultValue: DAY_MS / 3 }),
  WORKER_MEMORY_BYTES: integerVariable({
    min: MIB,
    max: 1024 ** 4,
    defaultValue: 256 * MIB,
  }),
  WORKER_METRICS_HOST: z.string().default('127.0.0.1'),
  WORKER_METRICS_PORT: portVariable(9101),
})

/** Throws a `ConfigError` that lists every bad variable. */
export function readWorkerConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const parsed = parseEnv(WorkerEnv, env)
  return {
    redisUrl: parsed.REDIS_URL,
    journalUrl: parsed.JOURNAL_URL ?? `file:${join(parsed.FIRN_DATA_DIR, 'journal')}`,
    sourceRoots: parsed.SOURCE_ROOTS.split(':')
      .filter((root) => root !== '')
      .map((root) => resolve(root)),
    concurrency: parsed.WORKER_CONCURRENCY,
    openConcurrency: 4,
    openJobsMax: parsed.OPEN_JOBS_MAX,
    lockDurationMs: parsed.LOCK_DURATION_MS,
    stalledIntervalMs: parsed.STALLED_INTERVAL_MS,
    backoff: { baseMs: parsed.RETRY_BASE_MS, capMs: parsed.RETRY_CAP_MS },
    attempts: { open: parsed.RETRY_ATTEMPTS, parts: parsed.RETRY_ATTEMPTS },
    outageRunsMax: parsed.RETRY_OUTAGE_RUNS,
    cutRunsMax: parsed.RETRY_CUT_RUNS,
    glacierTimeoutMs: parsed.GLACIER_REQUEST_TIMEOUT_MS,
    keepAliveMs: parsed.UPLOAD_KEEPALIVE_MS,
    memoryBytes: parsed.WORKER_MEMORY_BYTES,
    // Hashing is all CPU: more threads than cores only take turns.
    hashThreads: Math.min(parsed.WORKER_CONCURRENCY, availableParallelism()),
    metricsHost: parsed.WORKER_METRICS_HOST,
    metricsPort: parsed.WORKER_METRICS_PORT,
  }
}
