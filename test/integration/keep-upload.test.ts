import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, defaultControls, MIB, type Progress, toAppError } from '@firn/core'
import { createUploadKeeper, openJob } from '@firn/engine'
import { createMemoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aJob, anUpload } from '@firn/testing'
import { rolledBackDeps } from './rolled-back-job.ts'

const { signal } = new AbortController()
const run = { signal, attempt: 1, isLastAttempt: false, isPatienceOver: false }
const HOUR_MS = 3600 * 1000
const PAUSED_MS = 1_800_000_000_000
const paused: Progress = {
  ...({ state: 'paused', generation: 1, isOpening: false } as const),
  upload: anUpload({ partCount: 3 }),
}
const treeHash = (index: number) => Buffer.alloc(32, index + 1)

/** A job that was paused with these parts recorded; sources and Glacier note what they are asked. */
async function openPaused(recorded: readonly number[], progress = paused) {
  const [store, journal] = [createMemoryJobStore(), createMemoryJournal()]
  const job = { ...aJob({ progress }), updatedAtMs: PAUSED_MS }
  const { id } = job.definition
  await journal.putDefinition(job.definition, signal)
  await store.create(job, signal)
  for (const index of recorded) {
    const part = { treeHash: treeHash(index), sizeBytes: MIB, window: 1, nowMs: PAUSED_MS }
    await store.recordPart({ jobId: id, generation: 1, index }, part, signal)
  }
  const clock = { nowMs: PAUSED_MS + 8 * HOUR_MS }
  const sent: { readonly start: number; readonly treeHash: string }[] = []
  const deps = {
    ...{ ...rolledBackDeps, store, journal, now: () => clock.nowMs, keepAliveMs: 8 * HOUR_MS },
    sources: {
      ...rolledBackDeps.sources,
      openPart: async ({ range }: { readonly range: { readonly start: number } }) => {
        const hash = treeHash(range.start / MIB).toString('hex')
        return {
          ...{ body: new Uint8Array(1), sha256: hash, treeHash: hash },
          verify: async () => {},
          [Symbol.asyncDispose]: async () => {},
        }
      },
    },
    glacier: {
      ...rolledBackDeps.glacier,
      uploadPart: async (part: { range: { start: number }; treeHash: string }) => {
        sent.push({ start: part.range.start, treeHash: part.treeHash })
      },
    },
  }
  const load = async () => {
    const stored = await store.load(id, signal)
    assert.ok(stored)
    return stored
  }
  return { deps, ref: { jobId: id, generation: 1 }, clock, sent, load }
}

describe('the open job of a paused job', () => {
  it('sends its last recorded part again, as it was, when the upload stood still', async () => {
    for (const [recorded, index] of [
      [[0, 2], 2],
      [[1], 1],
    ] as const) {
      const { deps, ref, clock, sent, load } = await openPaused(recorded)
      await openJob(deps, ref, run)
      assert.deepEqual(sent, [{ start: index * MIB, treeHash: treeHash(index).toString('hex') }])
      const { job, counts } = await load()
      assert.deepEqual([job.progress, job.updatedAtMs], [paused, clock.nowMs])
      assert.equal(counts.uploadedParts, recorded.length)
      await openJob(deps, ref, run)
      assert.equal(sent.length, 1, 'it was kept a moment before')
    }
  })

  it('leaves an upload alone that moved, has no part, or is not to be kept', async () => {
    const early = await openPaused([0])
    early.clock.nowMs -= 1
    const empty = await openPaused([])
    const never = await openPaused([0])
    for (const { deps, ref, sent } of [
      early,
      empty,
      { ...never, deps: { ...never.deps, keepAliveMs: 0 } },
    ]) {
      await openJob(deps, ref, run)
      assert.deepEqual(sent, [])
    }
  })

  it('sends no other bytes than those that are recorded, and says why', async () => {
    const { deps, ref, sent, load } = await openPaused([])
    const part = { treeHash: treeHash(9), sizeBytes: MIB, window: 1, nowMs: PAUSED_MS }
    await deps.store.recordPart({ ...ref, index: 2 }, part, signal)
    const error = await openJob(deps, ref, run).catch(toAppError)
    assert.equal(error?.code, 'PART_CONFLICT')
    const { job, trouble } = await load()
    assert.deepEqual([sent, job.progress, trouble?.code], [[], paused, 'PART_CONFLICT'])
  })

  it('does not fail a job whose source is gone, and starts over when the upload is', async () => {
    const unseen = await openPaused([0])
    const missing = new AppError('SOURCE_NOT_FOUND', 'no such file')
    const openPart = () => Promise.reject(missing)
    const sources = { ...unseen.deps.sources, openPart }
    await assert.rejects(openJob({ ...unseen.deps, sources }, unseen.ref, run), missing)
    assert.deepEqual((await unseen.load()).job.progress, paused)

    const expired = await openPaused([0])
    const { glacier } = rolledBackDeps
    await openJob({ ...expired.deps, glacier }, expired.ref, run)
    const begun = { state: 'paused', generation: 2, isOpening: false, upload: null }
    assert.deepEqual((await expired.load()).job.progress, begun)
  })
})

describe('createUploadKeeper()', () => {
  it('asks for an idle upload once, and again when nothing came of it', async () => {
    const { deps, ref, clock } = await openPaused([0])
    const asked: unknown[] = []
    const addOpen = async (...[job]: readonly unknown[]) => void asked.push(job)
    const keeper = createUploadKeeper({ ...deps, queues: { ...deps.queues, addOpen } })
    clock.nowMs -= 1
    assert.equal(await keeper.look(signal), 0)
    clock.nowMs += 1
    assert.deepEqual([await keeper.look(signal), await keeper.look(signal)], [1, 0])
    clock.nowMs += HOUR_MS
    assert.equal(await keeper.look(signal), 1)
    await openJob(deps, ref, run)
    clock.nowMs += 8 * HOUR_MS - 1
    assert.equal(await keeper.look(signal), 0)
    assert.deepEqual(asked, [ref, ref])
  })

  it('asks nothing for a vault that is held, for what has no parts, or when it is off', async () => {
    const { deps } = await openPaused([0])
    const held = { ...defaultControls, heldVaults: ['photos'] }
    assert.equal(await createUploadKeeper({ ...deps, controls: () => held }).look(signal), 0)
    assert.equal(await createUploadKeeper({ ...deps, keepAliveMs: 0 }).look(signal), 0)
    assert.equal(await createUploadKeeper((await openPaused([])).deps).look(signal), 0)
  })
})
