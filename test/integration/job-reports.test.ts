import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { advance, type Job, type JobEvent } from '@firn/core'
import { createLogger, createMetrics, reportJobs } from '@firn/runtime'
import { createMemoryJobStore, observeJobs } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'

const never = new AbortController().signal
const log = createLogger({ name: 'test', level: 'silent', isTerminal: false })
const failed = (isRetryable: boolean): JobEvent => ({
  type: 'failed',
  error: { code: 'GLACIER_REFUSED', message: 'no', isRetryable },
})

function openReports() {
  const registry = createMetrics()
  const store = observeJobs(createMemoryJobStore(), reportJobs(registry, log))
  return {
    store,
    /** Ends of jobs of the vault by state. */
    async ended(vault: string): Promise<Readonly<Record<string, number>>> {
      const line = new RegExp(
        `^firn_jobs_ended_total\\{state="(\\w+)",vault="${vault}"\\} (\\d+)`,
        'gm',
      )
      const found = (await registry.metrics()).matchAll(line)
      return Object.fromEntries([...found].map(([, state, count]) => [state, Number(count)]))
    },
  }
}

describe('what is reported of jobs', () => {
  it('counts an end once, by vault, whatever is saved of the job afterwards', async () => {
    const { store, ended } = openReports()
    const definition = aDefinition({ vault: 'photos', createdAtMs: 0 })
    let job: Job = aJob({ definition })
    let version = 1
    let nowMs = 0
    const apply = async (event: JobEvent): Promise<void> => {
      nowMs += 10
      const next = advance(job, event, nowMs)
      assert.ok(next.ok && next.job !== job, event.type)
      job = next.job
      assert.ok(await store.save(job, version, never))
      version += 1
    }
    await store.create(job, never)
    assert.deepEqual(await ended('photos'), { archived: 0, failed: 0, cancelled: 0 })

    await apply({ type: 'opening' })
    await apply({ type: 'opened', upload: anUpload() })
    await apply(failed(true))
    await apply({ type: 'retry' })
    await apply(failed(false))
    await apply({ type: 'upload-aborted' })
    await apply({ type: 'cancel' })
    assert.deepEqual(await ended('photos'), { archived: 0, failed: 2, cancelled: 0 })
  })

  it('counts nothing for a job that is put back at its end, nor for a save that was refused', async () => {
    const { store, ended } = openReports()
    const definition = aDefinition({ vault: 'photos', createdAtMs: 0 })
    const end = { state: 'cancelled', generation: 1, upload: null, fate: 'gone' } as const
    const job = { ...aJob({ definition, progress: end }), updatedAtMs: 5, finishedAtMs: 5 }
    await store.create(job, never)
    assert.equal(await store.save(job, 99, never), false)
    assert.deepEqual(await ended('photos'), { archived: 0, failed: 0, cancelled: 0 })
  })
})
