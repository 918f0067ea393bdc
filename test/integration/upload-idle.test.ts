import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemoryJobStore, type StoredJob } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'
import { createIdleWatch } from '../../services/finalizer/src/upload-idle.ts'

const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const uploading = { state: 'uploading', generation: 1, upload: anUpload() } as const

describe('createIdleWatch()', () => {
  it('counts from the latest part that it saw recorded', async () => {
    let nowMs = 0
    let uploadedParts = 0
    const definition = aDefinition({ createdAtMs: 0 })
    const job = { ...aJob({ definition, progress: uploading }), updatedAtMs: 0 }
    const store = createMemoryJobStore()
    await store.create(job, signal)
    const list: typeof store.list = async (query, at) => {
      const { items, nextCursor } = await store.list(query, at)
      const moved = ({ counts, ...rest }: StoredJob) => ({
        ...rest,
        counts: { ...counts, uploadedParts },
      })
      return { items: items.map(moved), nextCursor }
    }
    const { look } = createIdleWatch({ list, now: () => nowMs })

    nowMs = 2 * HOUR_MS
    assert.equal(await look(signal), 2 * HOUR_MS)
    uploadedParts = 1
    nowMs = 3 * HOUR_MS
    assert.equal(await look(signal), 0)
    nowMs = 5 * HOUR_MS
    assert.equal(await look(signal), 2 * HOUR_MS)
  })

  it('looks at paused uploads as well, and not at jobs that ended', async () => {
    const store = createMemoryJobStore()
    const paused = { state: 'paused', generation: 1, isOpening: false, upload: anUpload() } as const
    const definition = aDefinition({ createdAtMs: 0 })
    const job = { ...aJob({ definition, progress: paused }), updatedAtMs: HOUR_MS }
    await store.create(job, signal)
    const { look } = createIdleWatch({ list: store.list, now: () => 3 * HOUR_MS })
    assert.equal(await look(signal), 2 * HOUR_MS)

    const cancelled = { ...uploading, state: 'cancelled', fate: 'gone' } as const
    await store.save({ ...job, progress: cancelled }, 1, signal)
    assert.equal(await look(signal), 0)
  })
})
