import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultControls } from '@firn/core'
import { createMemoryJournal } from '@firn/journal'
import { createJobQueues } from '@firn/queue'
import { openRedis } from '@firn/redis'
import { createLogger } from '@firn/runtime'
import { createRedisJobStore } from '@firn/store'
import { aDefinition, startRedis, until } from '@firn/testing'
import { readFinalizerConfig } from '../../services/finalizer/src/config.ts'
import { startHousekeeping } from '../../services/finalizer/src/housekeeping.ts'

const { signal } = new AbortController()
const LIMIT = { timeoutMs: 60_000 }
const refuse = () => Promise.reject(new Error('not to be called'))
const nothing = () => ({ async *[Symbol.asyncIterator]() {} })

/** A Redis with an empty journal beside it, and as many finalizers keeping house as are started. */
async function openHouse() {
  await using resources = new AsyncDisposableStack()
  const server = resources.use(await startRedis({ appendfsync: 'always' }))
  const { client } = resources.use(await openRedis({ url: server.url, role: 'worker' }, signal))
  const queues = resources.use(createJobQueues({ redis: client }))
  const store = createRedisJobStore({ redis: client })
  const journal = createMemoryJournal()
  const glacier = {
    ...{ initiateUpload: refuse, uploadPart: refuse, completeUpload: refuse, abortUpload: refuse },
    ...{ listParts: nothing, listUploads: nothing },
  }
  const deps = { store, journal, queues, glacier, now: Date.now, controls: () => defaultControls }
  // So long that only a loss that was noticed leads to a look at the journal.
  const env = {
    RECOVER_INTERVAL_MS: '86400000',
    SWEEP_INTERVAL_MS: '100',
    LOCK_DURATION_MS: '2000',
  }
  const config = readFinalizerConfig(env)
  const log = createLogger({ name: 'test', level: 'silent', isTerminal: false })
  const keep = () =>
    startHousekeeping({ ...deps, vaults: { listVaults: nothing } }, { config, redis: client, log })
  const owned = resources.move()
  return { server, client, store, journal, keep, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

describe('startHousekeeping()', () => {
  it('compares Redis with the journal once Redis was started anew', async () => {
    await using house = await openHouse()
    await using keeper = house.keep()
    await until(() => house.store.hasMark(signal), LIMIT)
    await until(() => keeper.findings.lastSweep() !== null, LIMIT)
    const definition = aDefinition()
    // As if Redis had lost the second in which the job was accepted.
    await house.journal.putDefinition(definition, signal)
    await house.server.kill('SIGKILL')
    await house.server.restart()
    const isThere = async () => (await house.store.load(definition.id, signal)) !== undefined
    await until(isThere, LIMIT)
    // Redis is marked once all jobs are there.
    await until(() => house.store.hasMark(signal), LIMIT)
  })

  it('is done by one of several, and by another after that one', async () => {
    await using house = await openHouse()
    const first = house.keep()
    await until(() => first.findings.lastSweep() !== null, LIMIT)
    await using second = house.keep()
    await until(() => house.store.hasMark(signal), LIMIT)
    assert.equal(second.findings.lastSweep(), null)
    assert.equal(second.findings.unfinished(), null)
    await first[Symbol.asyncDispose]()
    assert.equal(first.findings.lastSweep(), null)
    // Only whoever takes over looks at the journal at once.
    const definition = aDefinition()
    await house.journal.putDefinition(definition, signal)
    await until(async () => (await house.store.load(definition.id, signal)) !== undefined, LIMIT)
    await until(() => second.findings.lastSweep()?.due === 1, LIMIT)
  })
})
