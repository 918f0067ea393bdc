import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, type JobId, markedDescription } from '@firn/core'
import { abortUpload, commandJob, ownerOf, recoverJobs, uploadPart } from '@firn/engine'
import type { Glacier } from '@firn/glacier'
import type { Journal } from '@firn/journal'
import { anUpload } from '@firn/testing'
import { aFailure, anIntent, openRolledBack, rolledBackDeps } from './rolled-back-job.ts'

const { signal } = new AbortController()
const run = { signal, attempt: 1, isLastAttempt: false, isPatienceOver: false }
const ignore = async (): Promise<void> => {}
const changed = new AppError('SOURCE_CHANGED', 'another file')
const treeHash = 'ab'.repeat(32)

const tellIntent = async (journal: Journal, jobId: JobId): Promise<void> => {
  await journal.putUpload({ jobId, generation: 1, upload: anUpload() }, signal)
  await journal.putIntent(anIntent(jobId), signal)
}

/** A job that uploads although a Complete was intended, as after one that was refused. */
async function failPart(glacier: Partial<Glacier>) {
  const opened = await openRolledBack('uploading', tellIntent)
  const { deps, id } = opened
  const sources = { ...rolledBackDeps.sources, openPart: () => Promise.reject(changed) }
  const full = { ...rolledBackDeps, ...deps, sources }
  const ref = { jobId: id, generation: 1, index: 0 }
  const outcome = await uploadPart(
    { ...full, glacier: { ...rolledBackDeps.glacier, ...glacier } },
    ref,
    run,
  ).catch((error: unknown) => error)
  return { ...opened, outcome, stored: await deps.store.load(id, signal) }
}

describe('the end of a job for whose upload a Complete was intended', () => {
  it('is a failure only once the upload is aborted, and then of the next generation', async () => {
    const { deps, id, stored } = await failPart({ abortUpload: ignore })
    const progress = stored?.job.progress
    assert.ok(progress?.state === 'failed')
    const { generation, upload, fate } = progress
    assert.deepEqual({ generation, upload, fate }, { generation: 2, upload: null, fate: 'gone' })
    // What the journal says alone, after the loss of Redis, is the same.
    const entry = await deps.journal.load(id, signal)
    assert.equal(entry?.failure?.generation, 2)
    const retried = await commandJob(deps, id, 'retry', signal)
    assert.deepEqual(retried.job.progress, { state: 'queued', generation: 3, isOpening: false })
  })

  it('is not known while Glacier says that the upload is gone', async () => {
    const { deps, id, stored } = await failPart({})
    assert.equal(stored?.job.progress.state, 'finalizing')
    assert.equal((await deps.journal.load(id, signal))?.failure, null)
  })

  it('is not known while the vault is not found, and the job says so', async () => {
    const missing = new AppError('GLACIER_VAULT_NOT_FOUND', 'no such vault')
    const { outcome, stored } = await failPart({ abortUpload: () => Promise.reject(missing) })
    assert.ok(outcome instanceof AppError && outcome.code === 'OUTCOME_UNKNOWN')
    assert.equal(stored?.job.progress.state, 'uploading')
    assert.equal(stored?.trouble?.code, 'OUTCOME_UNKNOWN')
  })

  it('is not what a failure noted that came too late', async () => {
    const { deps, stateOf } = await openRolledBack('finalizing', async (journal, jobId) => {
      await tellIntent(journal, jobId)
      await journal.putFailure(aFailure(jobId), signal)
    })
    await recoverJobs(deps, { isDryRun: false }, signal)
    assert.equal(await stateOf(), 'finalizing')
  })
})

describe('a job that is being completed', () => {
  it('is not failed by a part that it no longer needs', async () => {
    const { deps, id, stateOf } = await openRolledBack('uploading')
    const openPart = async (): Promise<never> => {
      const stored = await deps.store.load(id, signal)
      assert.ok(stored)
      const progress = { state: 'finalizing', generation: 1, upload: anUpload(), treeHash } as const
      await deps.store.save({ ...stored.job, progress }, stored.version, signal)
      throw changed
    }
    const sources = { ...rolledBackDeps.sources, openPart }
    const ref = { jobId: id, generation: 1, index: 0 }
    await assert.rejects(uploadPart({ ...rolledBackDeps, ...deps, sources }, ref, run))
    assert.equal(await stateOf(), 'finalizing')
  })
})

describe('the upload of a job that ended', () => {
  it('is aborted until two answers agree that it is gone', async () => {
    const { deps, id } = await openRolledBack('uploading')
    await commandJob(deps, id, 'cancel', signal)
    let isThere = true
    async function* listParts() {
      if (isThere) return
      yield* []
      throw new AppError('GLACIER_UPLOAD_NOT_FOUND', 'no such upload')
    }
    const full = { ...deps, glacier: { ...rolledBackDeps.glacier, listParts } }
    const fate = async () => {
      const progress = (await deps.store.load(id, signal))?.job.progress
      return progress?.state === 'cancelled' ? progress.fate : progress?.state
    }
    const ref = { jobId: id, generation: 1 }
    await assert.rejects(abortUpload(full, ref, run))
    assert.equal(await fate(), 'abort')
    isThere = false
    await abortUpload(full, ref, run)
    assert.equal(await fate(), 'gone')
  })

  it('is an orphan if it is there all the same, and so is one of a later generation', async () => {
    const { deps, id } = await openRolledBack('uploading')
    await commandJob(deps, id, 'cancel', signal)
    const isOrphan = async (uploadId: string, generation: number) => {
      const description = markedDescription({ jobId: id, generation }, '')
      return (await ownerOf(deps, 'photos', { uploadId, description }, signal))?.isOrphan
    }
    const { uploadId } = anUpload()
    assert.deepEqual([await isOrphan(uploadId, 1), await isOrphan('other', 2)], [false, true])
    const stored = await deps.store.load(id, signal)
    assert.ok(stored?.job.progress.state === 'cancelled')
    const progress = { ...stored.job.progress, fate: 'gone' } as const
    await deps.store.save({ ...stored.job, progress }, stored.version, signal)
    assert.equal(await isOrphan(uploadId, 1), true)
  })
})
