import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Controls, defaultControls, initialProgress, MIB, type Progress } from '@firn/core'
import { createSweeper } from '@firn/engine'
import { createMemoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'

const { signal } = new AbortController()
const upload = anUpload({ partCount: 4 })
const ignore = async (): Promise<void> => {}
const queues = {
  ...{ addOpen: ignore, addParts: ignore, addFinalize: ignore, addAbort: ignore },
  changePriority: ignore,
}

/** What a sweep tells of jobs of two vaults that were accepted at 1, 2, … while this is set. */
async function sweepUnder(controls: Partial<Controls>) {
  const store = createMemoryJobStore()
  const jobs: readonly (readonly [string, Progress])[] = [
    ['photos', initialProgress],
    ['photos', { state: 'uploading', generation: 1, upload }],
    ['films', { state: 'uploading', generation: 1, upload }],
    ['photos', { state: 'finalizing', generation: 1, upload, treeHash: 'ab'.repeat(32) }],
  ]
  for (const [index, [vault, progress]] of jobs.entries()) {
    const definition = aDefinition({ vault, createdAtMs: index + 1 })
    await store.create(aJob({ definition, progress }), signal)
  }
  const held = { ...defaultControls, ...controls }
  const deps = { store, queues, journal: createMemoryJournal(), controls: () => held, now: () => 9 }
  return await createSweeper(deps).sweep(signal)
}

describe('the backlog while an operator holds', () => {
  const due = { due: 4, nudged: 0 }

  it('is all there is without a hold', async () => {
    const backlog = { backlogBytes: 8 * MIB, oldestCreatedAtMs: 1, oldestDoubtMs: null }
    assert.deepEqual(await sweepUnder({}), {
      ...{ ...due, ...backlog },
      ...{ isHeld: false, heldVaultCount: 0 },
    })
  })

  it('has nothing of a vault that is held but what workers are not needed for', async () => {
    const { isHeld, heldVaultCount, ...backlog } = await sweepUnder({ heldVaults: ['photos'] })
    assert.deepEqual(backlog, {
      ...due,
      backlogBytes: 4 * MIB,
      oldestCreatedAtMs: 3,
      oldestDoubtMs: null,
    })
    assert.deepEqual({ isHeld, heldVaultCount }, { isHeld: false, heldVaultCount: 1 })
  })

  it('has nothing to upload while everything is held', async () => {
    const { isHeld, heldVaultCount, ...backlog } = await sweepUnder({ isHeld: true })
    assert.deepEqual(backlog, {
      ...due,
      backlogBytes: 0,
      oldestCreatedAtMs: 4,
      oldestDoubtMs: null,
    })
    assert.deepEqual({ isHeld, heldVaultCount }, { isHeld: true, heldVaultCount: 0 })
  })
})
