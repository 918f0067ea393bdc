import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Controls, defaultControls, initialProgress, MIB, type Progress } from '@firn/core'
import { createMemoryJobStore, type JobStore, type StoredJob } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'
import {
  createUnfinishedWatch,
  type UnfinishedGroup,
} from '../../services/finalizer/src/unfinished-jobs.ts'

const HOUR_MS = 3_600_000
const signal = new AbortController().signal
const uploading = { state: 'uploading', generation: 1, upload: anUpload() } as const

/** A look at the store, and the longest time that an upload stands still; 0 without any. */
function watch(store: Pick<JobStore, 'list'>, now: () => number, controls = defaultControls) {
  const { look } = createUnfinishedWatch({ store, controls: (): Controls => controls, now })
  return {
    look,
    async idleMs() {
      const { groups } = await look(signal)
      return Math.max(
        0,
        ...groups.map(({ uploadStillSinceMs }) => now() - (uploadStillSinceMs ?? now())),
      )
    },
  }
}

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
    const { idleMs } = watch({ list }, () => nowMs)

    nowMs = 2 * HOUR_MS
    assert.equal(await idleMs(), 2 * HOUR_MS)
    uploadedParts = 1
    nowMs = 3 * HOUR_MS
    assert.equal(await idleMs(), 0)
    nowMs = 5 * HOUR_MS
    assert.equal(await idleMs(), 2 * HOUR_MS)
  })

  it('looks at paused uploads as well, and not at jobs that ended', async () => {
    const store = createMemoryJobStore()
    const paused = { state: 'paused', generation: 1, isOpening: false, upload: anUpload() } as const
    const definition = aDefinition({ createdAtMs: 0 })
    const job = { ...aJob({ definition, progress: paused }), updatedAtMs: HOUR_MS }
    await store.create(job, signal)
    const { idleMs } = watch(store, () => 3 * HOUR_MS)
    assert.equal(await idleMs(), 2 * HOUR_MS)

    const cancelled = { ...uploading, state: 'cancelled', fate: 'gone' } as const
    await store.save({ ...job, progress: cancelled }, 1, signal)
    assert.equal(await idleMs(), 0)
  })

  it('does not take a paused job without an upload for one that stands still', async () => {
    const store = createMemoryJobStore()
    const progress = { state: 'paused', generation: 1, isOpening: false, upload: null } as const
    await store.create(aJob({ definition: aDefinition({ createdAtMs: 0 }), progress }), signal)
    const { idleMs } = watch(store, () => 3 * HOUR_MS)
    assert.equal(await idleMs(), 0)
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
    const { groups } = await watch(store, () => 10).look(signal)
    const row = ({ vault, state, jobCount, leftBytes, oldestCreatedAtMs }: UnfinishedGroup) =>
      `${vault} ${state} ${jobCount} ${leftBytes / MIB} ${oldestCreatedAtMs}`
    assert.deepEqual(groups.map(row).sort(), [
      'films paused 1 4 4',
      'photos queued 1 0 3',
      'photos uploading 2 8 1',
    ])
  })
  it('tells apart what an operator holds, but not what workers have nothing to do with', async () => {
    const store = createMemoryJobStore()
    const add = (vault: string, progress: Progress): Promise<boolean> =>
      store.create(aJob({ definition: aDefinition({ vault }), progress }), signal)
    const upload = anUpload()
    await add('photos', initialProgress)
    await add('photos', uploading)
    await add('photos', { state: 'finalizing', generation: 1, upload, treeHash: 'ab'.repeat(32) })
    await add('films', uploading)
    const statesUnder = async (controls: Partial<Controls>) => {
      const held = { ...defaultControls, ...controls }
      const { groups } = await watch(store, () => 10, held).look(signal)
      return groups.map(({ vault, state, jobCount }) => `${vault} ${state} ${jobCount}`).sort()
    }
    assert.deepEqual(await statesUnder({ heldVaults: ['photos'] }), [
      'films uploading 1',
      'photos finalizing 1',
      'photos held 2',
    ])
    assert.deepEqual(await statesUnder({ isHeld: true }), [
      'films held 1',
      'photos finalizing 1',
      'photos held 2',
    ])
  })
})
