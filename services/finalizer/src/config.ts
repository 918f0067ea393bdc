import { join } from 'node:path'
import { integerVariable, parseEnv, portVariable } from '@firn/runtime'
import { z } from 'zod'

export interface FinalizerConfig {
  readonly redisUrl: string
  readonly journalUrl: string
  /** For receipts; null when the environment does not say. */
  readonly region: string | null
  /** Archives completed at once. */
  readonly concurrency: number
  readonly sweepIntervalMs: number
  readonly metricsHost: string
  readonly metricsPort: number
}

const FinalizerEnv = z.object({
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  FIRN_DATA_DIR: z.string().default('.firn'),
  JOURNAL_URL: z.string().optional(),
  AWS_REGION: z.string().optional(),
  FINALIZER_CONCURRENCY: integerVariable({ min: 1, max: 256, defaultValue: 8 }),
  SWEEP_INTERVAL_MS: integerVariable({ min: 100, max: 3_600_000, defaultValue: 5_000 }),
  FINALIZER_METRICS_HOST: z.string().default('127.0.0.1'),
  FINALIZER_METRICS_PORT: portVariable(9102),
})

/** Throws a `ConfigError` that lists every bad variable. */
export function readFinalizerConfig(env: NodeJS.ProcessEnv): FinalizerConfig {
  const parsed = parseEnv(FinalizerEnv, env)
  return {
    redisUrl: parsed.REDIS_URL,
    journalUrl: parsed.JOURNAL_URL ?? `file:${join(parsed.FIRN_DATA_DIR, 'journal')}`,
    region: parsed.AWS_REGION ?? null,
    concurrency: parsed.FINALIZER_CONCURRENCY,
    sweepIntervalMs: parsed.SWEEP_INTERVAL_MS,
    metricsHost: parsed.FINALIZER_METRICS_HOST,
    metricsPort: parsed.FINALIZER_METRICS_PORT,
  }
}
