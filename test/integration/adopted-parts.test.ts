import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, foldTreeHash, MIB } from '@firn/core'
import { openJob } from '@firn/engine'
import type { Glacier, StoredPart } from '@firn/glacier'
import { createMemoryJournal } from '@firn/journal'
import type { Sources } from '@firn/sources'
import { anUpload } from '@firn/testing'
import { anIntent, openRolledBack, rolledBackDeps } from './rolled-back-job.ts'

const { signal } = new AbortController()
const run = { signal, attempt: 1, isLastAttempt: false, isPatienceOver: false }
const partCount = 2
const upload = anUpload({ partCount })
const held: readonly StoredPart[] = ['aa', 'bb'].map((byte, index) => ({
  range: { start: index * MIB, end: (index + 1) * MIB },
  treeHash: byte.repeat(32),
}))
const heldTreeHash = foldTreeHash(held.map((part) => Buffer.from(part.treeHash, 'hex'))).toString(
  'hex',
)

/** A job that Redis forgot, of which Glacier holds every part. */
async function openForgotten(
  options: {
    readonly inspect?: Sources['inspect']
    /** The tree hash of the Complete that was intended; null when none was. */
    readonly intended?: string | null
  } = {},
) {
  const { inspect = async () => upload.pin, intended = null } = options
  const { deps, id, stateOf } = await openRolledBack('queued', async (journal, jobId) => {
    await journal.putUpload({ jobId, generation: 1, upload }, signal)
    if (intended === null) return
    await journal.putIntent({ ...anIntent(jobId), treeHash: intended }, signal)
  })
  const aborted: string[] = []
  const glacier: Glacier = {
    ...rolledBackDeps.glacier,
    abortUpload: async ({ uploadId }) => void aborted.push(uploadId),
    async *listParts() {
      yield* held
    },
  }
  const sources = { ...rolledBackDeps.sources, inspect }
  const full = { ...rolledBackDeps, ...deps, glacier, sources }
  const load = async () => {
    const stored = await deps.store.load(id, signal)
    assert.ok(stored)
    return stored
  }
  return { deps: full, ref: { jobId: id, generation: 1 }, load, stateOf, aborted }
}

describe('parts that Glacier holds of a job that Redis forgot', () => {
  it('are taken over while the source is as it was', async () => {
    const { deps, ref, load } = await openForgotten()
    await openJob(deps, ref, run)
    const { job, counts } = await load()
    assert.deepEqual([job.progress.state, counts.uploadedParts], ['uploading', partCount])
  })

  it('never become an archive when the source is another by now', async () => {
    for (const change of [{ ctimeNs: '3' }, { mtimeNs: '3' }, { inode: '3' }, { sizeBytes: 3 }]) {
      const inspect = async () => ({ ...upload.pin, ...change })
      const { deps, ref, load } = await openForgotten({ inspect })
      await openJob(deps, ref, run)
      const { job, counts } = await load()
      assert.ok(job.progress.state === 'failed')
      assert.equal(job.progress.error.code, 'SOURCE_CHANGED')
      assert.equal(job.progress.upload?.uploadId, upload.uploadId)
      assert.equal(job.progress.fate, 'abort')
      assert.equal(counts.uploadedParts, 0)
      assert.equal(
        (await deps.journal.load(ref.jobId, signal))?.failure?.error.code,
        'SOURCE_CHANGED',
      )
    }
  })

  it('wait for a worker that sees the source, and not for ever', async () => {
    const inspect = () => Promise.reject(new AppError('SOURCE_NOT_FOUND', 'no such file'))
    const { deps, ref, load, stateOf } = await openForgotten({ inspect })
    await assert.rejects(openJob(deps, ref, run), { code: 'SOURCE_UNREADABLE' })
    assert.equal(await stateOf(), 'queued')
    await openJob(deps, ref, { ...run, attempt: 5 })
    const { progress } = (await load()).job
    assert.ok(progress.state === 'failed')
    assert.deepEqual([progress.error.code, progress.fate], ['SOURCE_NOT_FOUND', 'abort'])
  })

  it('keep their upload when the source could not be looked at to the end', async () => {
    const inspect = () => Promise.reject(new AppError('SOURCE_UNREADABLE', 'input/output error'))
    const { deps, ref, load } = await openForgotten({ inspect })
    await openJob(deps, ref, { ...run, isLastAttempt: true, isPatienceOver: true })
    const { progress } = (await load()).job
    assert.ok(progress.state === 'failed')
    assert.deepEqual([progress.error.code, progress.fate], ['SOURCE_UNREADABLE', 'kept'])
  })

  it('are taken for those of an intended Complete only if they make its tree hash', async () => {
    for (const [intended, uploadedParts] of [
      [heldTreeHash, partCount],
      ['cc'.repeat(32), 0],
    ] as const) {
      const { deps, ref, load } = await openForgotten({ intended })
      await openJob(deps, ref, run)
      const { job, counts } = await load()
      assert.deepEqual([job.progress.state, counts.uploadedParts], ['finalizing', uploadedParts])
    }
  })
})

describe('openJob() over a journal that lost something', () => {
  it('opens no upload beside one that was to be completed and is not known', async () => {
    for (const generation of [1, 2]) {
      const { deps, id, stateOf } = await openRolledBack('queued', async (journal, jobId) => {
        if (generation > 1) await journal.putGeneration({ jobId, generation, atMs: 2 }, signal)
        await journal.putIntent({ ...anIntent(jobId), generation }, signal)
      })
      const opening = openJob({ ...rolledBackDeps, ...deps }, { jobId: id, generation: 1 }, run)
      await assert.rejects(opening, {
        code: 'JOURNAL_UNAVAILABLE',
        message: /upload "upload-1" .* lacks the record of that upload/,
      })
      assert.equal(await stateOf(), 'queued')
    }
  })

  it('opens no upload for a job that the journal does not know', async () => {
    const { deps, id, stateOf } = await openRolledBack('queued')
    const other = { ...rolledBackDeps, ...deps, journal: createMemoryJournal() }
    await assert.rejects(openJob(other, { jobId: id, generation: 1 }, run), {
      code: 'JOURNAL_UNAVAILABLE',
      message: /The journal does not know job .* share one JOURNAL_URL/,
    })
    assert.equal(await stateOf(), 'queued')
  })
})
