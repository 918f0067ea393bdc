import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { openJournal } from '@firn/journal'
import { openRedis } from '@firn/redis'
import { createRedisJobStore } from '@firn/store'
import { aDefinition } from '@firn/testing'
import { useRedis } from './use-redis.ts'

const { signal } = new AbortController()
const redisUrl = useRedis()
const run = promisify(execFile)

describe('npm run recover', () => {
  it('lists what it would rebuild, rebuilds it, and then has nothing left to do', async () => {
    await using resources = new AsyncDisposableStack()
    const directory = await mkdtemp(join(tmpdir(), 'firn-recover-'))
    resources.defer(() => rm(directory, { recursive: true }))
    const journal = await openJournal(`file:${directory}`, signal)
    const definitions = [aDefinition(), aDefinition()]
    for (const definition of definitions) await journal.putDefinition(definition, signal)
    const redis = resources.use(
      await openRedis({ url: await redisUrl(), role: 'producer' }, signal),
    )
    const store = createRedisJobStore({ redis: redis.client })
    const ids = definitions.map(({ id }) => id).sort()

    const env = {
      REDIS_URL: await redisUrl(),
      JOURNAL_URL: `file:${directory}`,
      AWS_REGION: 'us-east-1',
    }
    const recover = async (...args: string[]) => {
      const entry = 'services/finalizer/src/recover.ts'
      const { stdout } = await run(process.execPath, [entry, ...args], { env })
      return stdout.split('\n').filter(Boolean).sort()
    }
    assert.deepEqual(await recover('--dry-run'), ids)
    assert.equal(await store.hasMark(signal), false)
    assert.deepEqual(await recover(), ids)
    for (const { id } of definitions) {
      assert.equal((await store.load(id, signal))?.job.progress.state, 'queued')
    }
    assert.deepEqual(await recover(), [])
  })
})
