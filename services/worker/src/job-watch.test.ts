import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { createJobId, type JobId, type JobState } from '@firn/core'
import type { Liveness } from '@firn/store'
import { createJobWatcher } from './job-watch.ts'

const jobId = createJobId(1, new Uint8Array(10))
const otherId = createJobId(2, new Uint8Array(10))
const ref = { jobId, generation: 1 }

/** A store that knows states, and who asked for them. */
function aStore(states: Map<JobId, Liveness>) {
  const asked: (readonly JobId[])[] = []
  let failure: Error | undefined
  return {
    asked,
    fail(error: Error | undefined) {
      failure = error
    },
    async liveness(ids: readonly JobId[]) {
      asked.push(ids)
      if (failure !== undefined) throw failure
      return ids.map((id) => states.get(id))
    },
  }
}

function unexpected(error: unknown): void {
  assert.fail(`unexpected: ${String(error)}`)
}

describe('createJobWatcher()', () => {
  const unwanted: readonly (Liveness | undefined)[] = [
    { state: 'cancelled', generation: 1 },
    { state: 'failed', generation: 1 },
    { state: 'archived', generation: 1 },
    { state: 'uploading', generation: 2 },
    undefined,
  ]
  for (const live of unwanted) {
    it(`stops a run whose job is ${live ? `${live.state} in generation ${live.generation}` : 'gone'}`, async () => {
      const states = new Map<JobId, Liveness>([[jobId, { state: 'uploading', generation: 1 }]])
      const store = aStore(states)
      await using watcher = createJobWatcher({ store, intervalMs: 1, onError: unexpected })
      using watch = watcher.watch(ref)
      const aborted = once(watch.signal, 'abort')
      if (live === undefined) states.delete(jobId)
      else states.set(jobId, live)
      await aborted
      assert.equal(watch.signal.aborted, true)
    })
  }

  it('lets runs of a paused job finish, and asks once for all runs of a job', async () => {
    const paused: JobState = 'paused'
    const states = new Map<JobId, Liveness>([
      [jobId, { state: paused, generation: 1 }],
      [otherId, { state: 'uploading', generation: 1 }],
    ])
    const store = aStore(states)
    await using watcher = createJobWatcher({ store, intervalMs: 1, onError: unexpected })
    using first = watcher.watch(ref)
    using second = watcher.watch(ref)
    using other = watcher.watch({ jobId: otherId, generation: 1 })
    states.set(otherId, { state: 'cancelled', generation: 1 })
    await once(other.signal, 'abort')
    assert.deepEqual(store.asked.at(-1), [jobId, otherId])
    assert.deepEqual([first.signal.aborted, second.signal.aborted], [false, false])
  })

  it('asks again after a look that failed', async () => {
    const states = new Map<JobId, Liveness>([[jobId, { state: 'cancelled', generation: 1 }]])
    const store = aStore(states)
    const errors: unknown[] = []
    store.fail(new Error('Redis is away'))
    await using watcher = createJobWatcher({
      store,
      intervalMs: 1,
      onError(error) {
        errors.push(error)
        store.fail(undefined)
      },
    })
    using watch = watcher.watch(ref)
    await once(watch.signal, 'abort')
    assert.deepEqual(errors.map(String), ['Error: Redis is away'])
  })
})
