import { parseArgs } from 'node:util'
import { recoverJobs } from '@firn/engine'
import { createGlacier } from '@firn/glacier'
import { openJournal } from '@firn/journal'
import { createJobQueues } from '@firn/queue'
import { openRedis } from '@firn/redis'
import { ConfigError } from '@firn/runtime'
import { createRedisControlStore, createRedisJobStore } from '@firn/store'
import { readFinalizerConfig } from './config.ts'

/**
 * Rebuilds by hand what finalizers rebuild by themselves: every job that the journal knows and
 * Redis does not. `--dry-run` lists them and changes nothing. Configured like a finalizer.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } })
  const isDryRun = values['dry-run']
  const config = readFinalizerConfig(process.env)
  const { signal } = new AbortController()
  await using resources = new AsyncDisposableStack()
  const options = { url: config.redisUrl, role: 'producer', name: 'firn-recover' } as const
  const redis = resources.use(await openRedis(options, signal))
  const controls = await createRedisControlStore({ redis: redis.client }).load(signal)
  const deps = {
    controls: () => controls,
    store: createRedisJobStore({ redis: redis.client }),
    journal: resources.use(await openJournal(config.journalUrl, signal)),
    queues: resources.use(createJobQueues({ redis: redis.client, attempts: config.attempts })),
    glacier: resources.use(createGlacier()),
    now: Date.now,
  }
  const { known, rebuilt, failed } = await recoverJobs(deps, { isDryRun }, signal)
  for (const id of rebuilt) process.stdout.write(`${id}\n`)
  for (const { jobId, error } of failed) {
    process.stderr.write(`${jobId} cannot be rebuilt: ${String(error)}\n`)
  }
  if (failed.length > 0) process.exitCode = 1
  const verb = isDryRun ? 'would be rebuilt' : 'rebuilt'
  process.stderr.write(`${rebuilt.length} of the journal's ${known} jobs ${verb}\n`)
}

try {
  await main()
} catch (error) {
  if (!(error instanceof Error)) throw error
  process.stderr.write(`${error.message}\n`)
  if (!(error instanceof ConfigError) && error.cause instanceof Error) {
    process.stderr.write(`${error.cause.message}\n`)
  }
  process.exitCode = 1
}
