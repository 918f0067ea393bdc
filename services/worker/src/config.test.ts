import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError } from '@firn/runtime'
import { readWorkerConfig } from './config.ts'

describe('readWorkerConfig()', () => {
  it('needs nothing but the directories it may read', () => {
    const config = readWorkerConfig({ SOURCE_ROOTS: '/srv/a:/srv/b/' })
    assert.deepEqual(config.sourceRoots, ['/srv/a', '/srv/b'])
    assert.equal(config.redisUrl, 'redis://127.0.0.1:6379')
    assert.equal(config.journalUrl, 'file:.firn/journal')
    assert.equal(config.memoryBytes, 256 * 1024 ** 2)
    assert.equal(config.openJobsMax, 1000)
    assert.ok(config.hashThreads >= 1 && config.hashThreads <= config.concurrency)
  })

  it('lists everything that is wrong at once', () => {
    const env = { WORKER_CONCURRENCY: '0', OPEN_JOBS_MAX: '100001', WORKER_MEMORY_BYTES: '1e9' }
    assert.throws(
      () => readWorkerConfig(env),
      (error) =>
        error instanceof ConfigError &&
        ['SOURCE_ROOTS', 'WORKER_CONCURRENCY', 'OPEN_JOBS_MAX', 'WORKER_MEMORY_BYTES'].every(
          (name) => error.problems.some((problem) => problem.startsWith(name)),
        ),
    )
  })
})
