import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ArchiveListView, ReceiptView } from '@firn/contracts'
import { defaultControls, type Job } from '@firn/core'
import { recoverJobs } from '@firn/engine'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'
import { authorization, openTestApi } from '../../services/api/src/open-test-api.ts'

const never = new AbortController().signal
type Api = Awaited<ReturnType<typeof openTestApi>>

async function archive(api: Api, archiveId: string, createdAtMs: number): Promise<Job> {
  const upload = anUpload({ partCount: 2 })
  const made = {
    archiveId,
    location: `/1/vaults/v/archives/${archiveId}`,
    treeHash: 'ab'.repeat(32),
  }
  const job = aJob({
    definition: aDefinition({ vault: 'v', createdAtMs }),
    progress: { state: 'archived', generation: 1, upload, archive: made },
  })
  const { id: jobId, source, description, labels } = job.definition
  await api.journal.putDefinition(job.definition, never)
  await api.journal.putReceipt(
    {
      ...{ formatVersion: 2, jobId, generation: 1, vault: 'v', archive: made },
      ...{ region: 'us-east-1', account: '111122223333' },
      ...{ description, labels, source, plan: upload.plan, pin: upload.pin, sha256: null },
      ...{ partTreeHashes: ['cd'.repeat(32), 'ef'.repeat(32)] },
      ...{ createdAtMs, archivedAtMs: createdAtMs + 1000 },
    },
    never,
  )
  await api.store.create(job, never)
  return job
}

async function get(api: Api, path: string): Promise<unknown> {
  const response = await fetch(`${api.url}${path}`, { headers: authorization })
  assert.equal(response.status, 200, path)
  return await response.json()
}

describe('/v1/archives', () => {
  it('lists receipts page by page, newest job first', async () => {
    await using api = await openTestApi()
    for (const [index, id] of ['a1', 'a2', 'a3'].entries()) await archive(api, id, 1000 + index)
    const first = ArchiveListView.parse(await get(api, '/v1/archives?limit=2'))
    const rest = ArchiveListView.parse(
      await get(api, `/v1/archives?limit=2&cursor=${first.nextCursor}`),
    )
    const ids = [...first.items, ...rest.items].map(({ archiveId }) => archiveId)
    assert.deepEqual(ids, ['a3', 'a2', 'a1'])
    assert.equal(rest.nextCursor, null)
  })

  it('shows the receipt of one archive with the hashes of its parts', async () => {
    await using api = await openTestApi()
    const job = await archive(api, 'a1', 1000)
    const receipt = ReceiptView.parse(await get(api, '/v1/archives/a1'))
    assert.equal(receipt.jobId, job.definition.id)
    assert.equal(receipt.size, 2 * 1024 ** 2)
    assert.deepEqual(receipt.partTreeHashes, ['cd'.repeat(32), 'ef'.repeat(32)])
    assert.equal(receipt.archivedAt, '1970-01-01T00:00:02.000Z')
  })

  it('finds an archive again after Redis was lost and rebuilt from the journal', async () => {
    await using api = await openTestApi()
    const job = await archive(api, 'a1', 1000)
    const store = createMemoryJobStore()
    const refuse = () => Promise.reject(new Error('not to be called'))
    const deps = {
      ...{ store, journal: api.journal, controls: () => defaultControls, now: Date.now },
      queues: {
        addOpen: refuse,
        addParts: refuse,
        addFinalize: refuse,
        changePriority: refuse,
        addAbort: refuse,
      },
      glacier: {
        ...{ initiateUpload: refuse, uploadPart: refuse },
        ...{ completeUpload: refuse, abortUpload: refuse },
        listParts: () => assert.fail('not to be called'),
        listUploads: () => assert.fail('not to be called'),
      },
    }
    await recoverJobs(deps, { isDryRun: false }, never)
    assert.equal(await store.findArchive('a1', never), job.definition.id)
  })

  it('does not know an archive that no job made', async () => {
    await using api = await openTestApi()
    const { status, body } = await api.call('GET', '/v1/archives/nothing')
    assert.deepEqual([status, body.code], [404, 'ARCHIVE_NOT_FOUND'])
  })
})
