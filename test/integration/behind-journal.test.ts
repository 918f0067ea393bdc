import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { commandJob, finalizeJob, recoverJobs, uploadPart } from '@firn/engine'
import { type Journal, openDirectoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, anUpload } from '@firn/testing'
import {
  aCancel,
  aFailure,
  anIntent,
  aReceipt,
  openRolledBack,
  type RolledBackState,
  rolledBackDeps,
} from './rolled-back-job.ts'

const { signal } = new AbortController()
const hash = 'ab'.repeat(32)
const run = { signal, attempt: 1, isLastAttempt: false, isPatienceOver: false }

describe('a store that is behind the journal', () => {
  it('does not cancel a job whose Complete was intended', async () => {
    const { deps, id, stateOf } = await openRolledBack('uploading', async (journal, jobId) => {
      await journal.putUpload({ jobId, generation: 1, upload: anUpload() }, signal)
      await journal.putIntent(anIntent(jobId), signal)
    })
    await assert.rejects(commandJob(deps, id, 'cancel', signal), isConflict)
    assert.deepEqual((await deps.journal.load(id, signal))?.cancels, [])
    // With all that it knows of its parts: Glacier's word for them is needed only when that is lost.
    assert.equal(await stateOf(), 'uploading')
  })

  it('does not cancel what it says failed, and may be archived since', async () => {
    const { deps, id, stateOf } = await openRolledBack('failed', async (journal, jobId) => {
      await journal.putUpload({ jobId, generation: 1, upload: anUpload() }, signal)
      await journal.putIntent(anIntent(jobId), signal)
    })
    await assert.rejects(commandJob(deps, id, 'cancel', signal), isConflict)
    assert.equal(await stateOf(), 'queued')
  })

  for (const state of ['uploading', 'paused', 'failed', 'finalizing'] as const) {
    it(`makes cancelled again what it says is ${state}`, async () => {
      const { deps, id, stateOf } = await openRolledBack(state, async (journal, jobId) => {
        await journal.putGeneration({ jobId, generation: 2, atMs: 2 }, signal)
        await journal.putCancel(aCancel(jobId), signal)
      })
      await recoverJobs(deps, { isDryRun: false }, signal)
      assert.equal(await stateOf(), 'cancelled')
      assert.equal((await deps.journal.load(id, signal))?.cancels.length, 1)
    })
  }

  for (const state of ['queued', 'uploading', 'paused', 'failed', 'finalizing'] as const) {
    it(`makes archived again what it says is ${state}`, async () => {
      const { deps, stateOf } = await openRolledBack(state, (journal, jobId) =>
        journal.putReceipt(aReceipt(jobId), signal),
      )
      await recoverJobs(deps, { isDryRun: false }, signal)
      assert.equal(await stateOf(), 'archived')
    })
  }

  it('goes on with a job that it says failed, and that was retried since', async () => {
    const { deps, id, stateOf } = await openRolledBack('failed')
    const dry = await recoverJobs(deps, { isDryRun: true }, signal)
    assert.deepEqual([dry.rebuilt, await stateOf()], [[id], 'failed'])
    await recoverJobs(deps, { isDryRun: false }, signal)
    assert.equal(await stateOf(), 'queued')
  })

  it('goes on with the upload that came after the one it knows', async () => {
    for (const state of ['uploading', 'finalizing'] as const) {
      const { deps, id } = await openRolledBack(state, (journal, jobId) =>
        journal.putUpload({ jobId, generation: 2, upload: anUpload() }, signal),
      )
      await recoverJobs(deps, { isDryRun: false }, signal)
      const progress = (await deps.store.load(id, signal))?.job.progress
      assert.deepEqual(progress, { state: 'queued', generation: 2, isOpening: true })
    }
  })

  it('changes nothing about a job of which the journal knows no more', async () => {
    const states: readonly RolledBackState[] = ['queued', 'uploading', 'paused', 'finalizing']
    for (const state of [...states, 'failed' as const]) {
      const { deps, stateOf } = await openRolledBack(state, async (journal, jobId) => {
        const upload = anUpload()
        if (state !== 'queued') await journal.putUpload({ jobId, generation: 1, upload }, signal)
        if (state === 'failed') await journal.putFailure(aFailure(jobId), signal)
        // Noted by a run whose save lost its race.
        else await journal.putGeneration({ jobId, generation: 2, atMs: 2 }, signal)
      })
      const { rebuilt } = await recoverJobs(deps, { isDryRun: false }, signal)
      assert.deepEqual([rebuilt, await stateOf()], [[], state])
    }
  })

  for (const use of ['part', 'finalize'] as const) {
    it(`does not begin a cancelled job anew whose upload is gone: ${use}`, async () => {
      const { deps, id, stateOf } = await openRolledBack('uploading', (journal, jobId) =>
        journal.putCancel(aCancel(jobId), signal),
      )
      const ref = { jobId: id, generation: 1, index: 0 }
      const full = { ...rolledBackDeps, ...deps }
      await (use === 'part' ? uploadPart(full, ref, run) : finalizeJob(full, ref, run))
      assert.equal(await stateOf(), 'cancelled')
    })
  }

  it('cancels a job that goes on to be completed while its cancel is noted', async () => {
    const { deps, id, stateOf } = await openRolledBack('uploading', (journal, jobId) =>
      journal.putUpload({ jobId, generation: 1, upload: anUpload() }, signal),
    )
    const { journal, store } = deps
    const putCancel: Journal['putCancel'] = async (record, putSignal) => {
      const kept = await journal.putCancel(record, putSignal)
      const stored = await store.load(id, signal)
      assert.ok(stored?.job.progress.state === 'uploading')
      const progress = { ...stored.job.progress, state: 'finalizing', treeHash: hash } as const
      assert.ok(await store.save({ ...stored.job, progress }, stored.version, signal))
      return kept
    }
    const racing = { ...deps, journal: { ...journal, putCancel } }
    const { job } = await commandJob(racing, id, 'cancel', signal)
    assert.equal(job.progress.state, 'cancelled')
    assert.equal(await stateOf(), 'cancelled')
  })

  it('does not complete what is cancelled while it is being sealed', async () => {
    const { deps, id, stateOf } = await openRolledBack('finalizing')
    const { journal } = deps
    const load: Journal['load'] = async (jobId, loadSignal) => {
      const entry = await journal.load(jobId, loadSignal)
      // Told, and forgotten by a store that falls back to what it was before.
      await journal.putCancel(aCancel(jobId), signal)
      return entry
    }
    const full = { ...rolledBackDeps, ...deps, journal: { ...journal, load } }
    await finalizeJob(full, { jobId: id, generation: 1 }, run)
    assert.equal(await stateOf(), 'cancelled')
    assert.deepEqual((await journal.load(id, signal))?.intents, [])
  })

  it('does not begin a cancelled job again when a retry is asked for', async () => {
    const { deps, id, stateOf } = await openRolledBack('failed', (journal, jobId) =>
      journal.putCancel(aCancel(jobId), signal),
    )
    await assert.rejects(commandJob(deps, id, 'retry', signal), isConflict)
    assert.equal(await stateOf(), 'cancelled')
  })

  it('does not fail a job that was cancelled', async () => {
    const { deps, id, stateOf } = await openRolledBack('uploading', (journal, jobId) =>
      journal.putCancel(aCancel(jobId), signal),
    )
    const sources = { ...rolledBackDeps.sources, openPart: () => Promise.reject(changed) }
    const ref = { jobId: id, generation: 1, index: 0 }
    await uploadPart({ ...rolledBackDeps, ...deps, sources }, ref, run)
    assert.equal(await stateOf(), 'cancelled')
  })

  it('is rebuilt but for the records that are damaged, which are named', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'firn-damaged-'))
    try {
      const journal = await openDirectoryJournal({ directory })
      const definitions = Array.from({ length: 20 }, () => aDefinition())
      for (const one of definitions) await journal.putDefinition(one, signal)
      const [damaged, ...whole] = definitions.map(({ id }) => id)
      assert.ok(damaged)
      await writeFile(join(directory, damaged.slice(-1), `${damaged}.json`), '{}')
      const deps = { ...rolledBackDeps, store: createMemoryJobStore(), journal }
      const report = await recoverJobs(deps, { isDryRun: false }, signal)
      assert.deepEqual([...report.rebuilt].sort(), whole.sort())
      assert.deepEqual(
        report.failed.map(({ jobId }) => jobId),
        [damaged],
      )
      assert.equal(await deps.store.hasMark(signal), true)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

const changed = new AppError('SOURCE_CHANGED', 'another file')

function isConflict(error: unknown): boolean {
  return error instanceof AppError && error.code === 'JOB_STATE_CONFLICT'
}
