import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppError, defaultControls, newJob } from '@firn/core'
import { commandJob, recoverJobs } from '@firn/engine'
import { createMemoryJournal, openDirectoryJournal } from '@firn/journal'
import type { JobQueues } from '@firn/queue'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, anUpload } from '@firn/testing'

const { signal } = new AbortController()
const ignore = async (): Promise<void> => {}
const queues: JobQueues = {
  addOpen: ignore,
  addParts: ignore,
  addFinalize: ignore,
  changePriority: ignore,
  addAbort: ignore,
}
const common = { queues, controls: () => defaultControls, now: Date.now }

describe('a store that is behind the journal', () => {
  it('does not cancel a job whose Complete was intended', async () => {
    const deps = { ...common, store: createMemoryJobStore(), journal: createMemoryJournal() }
    const definition = aDefinition()
    const { id: jobId } = definition
    const upload = anUpload()
    const { uploadId, plan } = upload
    const intent = { jobId, generation: 1, uploadId, sizeBytes: plan.sizeBytes, atMs: 1 }
    await deps.journal.putDefinition(definition, signal)
    await deps.journal.putUpload({ jobId, generation: 1, upload }, signal)
    await deps.journal.putIntent({ ...intent, treeHash: 'ab'.repeat(32) }, signal)
    // As a replica that lagged would have it: the parts are still on their way.
    const progress = { state: 'uploading', generation: 1, upload } as const
    await deps.store.create({ ...newJob(definition), progress }, signal)

    await assert.rejects(
      commandJob(deps, jobId, 'cancel', signal),
      (error) => error instanceof AppError && error.code === 'JOB_STATE_CONFLICT',
    )
    assert.equal((await deps.journal.load(jobId, signal))?.end, null)
    assert.equal((await deps.store.load(jobId, signal))?.job.progress.state, 'queued')
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
      const deps = { ...common, store: createMemoryJobStore(), journal }
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
