import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { initialProgress, MIB, type Progress } from '@firn/core'
import { createMemoryJobStore, type StoredJob } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'
import {
  createUnfinishedWatch,
  type UnfinishedGroup,
} from '../../services/finalizer/src/unfinished-jobs.ts'

const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const uploading = { state: 'uploading', generation: 1, upload: anUpload() } as const

describe('createUnfinishedWatch()', () => {
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
    const { look } = createUnfinishedWatch({ list, now: () => nowMs })

    nowMs = 2 * HOUR_MS
    assert.equal((await look(signal)).idleMs, 2 * HOUR_MS)
    uploadedParts = 1
    nowMs = 3 * HOUR_MS
    assert.equal((await look(signal)).idleMs, 0)
    nowMs = 5 * HOUR_MS
    assert.equal((await look(signal)).idleMs, 2 * HOUR_MS)
  })

  it('looks at paused uploads as well, and not at jobs that ended', async () => {
    const store = createMemoryJobStore()
    const paused = { state: 'paused', generation: 1, isOpening: false, upload: anUpload() } as const
    const definition = aDefinition({ createdAtMs: 0 })
    const job = { ...aJob({ definition, progress: paused }), updatedAtMs: HOUR_MS }
    await store.create(job, signal)
    const { look } = createUnfinishedWatch({ list: store.list, now: () => 3 * HOUR_MS })
    assert.equal((await look(signal)).idleMs, 2 * HOUR_MS)

    const cancelled = { ...uploading, state: 'cancelled', fate: 'gone' } as const
    await store.save({ ...job, progress: cancelled }, 1, signal)
    assert.equal((await look(signal)).idleMs, 0)
  })

  it('does not take a paused job without an upload for one that stands still', async () => {
    const store = createMemoryJobStore()
    const progress = { state: 'paused', generation: 1, isOpening: false, upload: null } as const
    await store.create(aJob({ definition: aDefinition({ createdAtMs: 0 }), progress }), signal)
    const { look } = createUnfinishedWatch({ list: store.list, now: () => 3 * HOUR_MS })
    assert.equal((await look(signal)).idleMs, 0)
  })

  it('groups what is unfinished by vault and state, and leaves out what ended', async () => {
    const store = createMemoryJobStore()
    const add = (vault: string, createdAtMs: number, progress: Progress): Promise<boolean> =>
      store.create(aJob({ definition: aDefinition({ vault, createdAtMs }), progress }), signal)
    const ended = { state: 'cancelled', generation: 1, upload: null, fate: 'gone' } as const
    await add('photos', 3, initialProgress)
    await add('photos', 2, uploading)
    await add('photos', 1, uploading)
    await add('films', 4, { ...uploading, state: 'paused', isOpening: false })
    await add('films', 5, ended)
    const { look } = createUnfinishedWatch({ list: store.list, now: () => 10 })
    const { groups } = await look(signal)
    const row = ({ vault, state, jobCount, leftBytes, oldestCreatedAtMs }: UnfinishedGroup) =>
      `${vault} ${state} ${jobCount} ${leftBytes / MIB} ${oldestCreatedAtMs}`
    assert.deepEqual(groups.map(row).sort(), [
      'films paused 1 4 4',
      'photos queued 1 0 3',
      'photos uploading 2 8 1',
    ])
  })
})
