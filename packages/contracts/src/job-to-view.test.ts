import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Job, type JobDefinition, newJob, type Progress, parseJobId } from '@firn/core'
import fc from 'fast-check'
import { type CountedJob, jobToProgressEvent, jobToView } from './job-to-view.ts'
import { partsToViews } from './parts-to-views.ts'
import { JobView, PartView, ProgressEventView } from './views.ts'

const id = parseJobId('01890000-0000-7000-8000-000000000000')
assert.ok(id)
const definition: JobDefinition = {
  id,
  vault: 'photos',
  source: { type: 'file', path: '/srv/a' },
  description: 'd',
  partSizeBytes: 2 ** 21,
  priority: 3,
  expected: { sizeBytes: null, sha256: null, sha256TreeHash: null },
  labels: { a: '1' },
  createdAtMs: 1_750_000_000_000,
}
const plan = { sizeBytes: 5 * 2 ** 20, partSizeBytes: 2 ** 21, partCount: 3 }
const pin = { sizeBytes: plan.sizeBytes, device: '1', inode: '2', mtimeNs: '3', ctimeNs: '4' }
const upload = { uploadId: 'u', plan, pin, expectedTreeHash: null, openedAtMs: 1 }
const treeHash = 'cd'.repeat(32)
const archive = { archiveId: 'A', location: '/1/vaults/photos/archives/A', treeHash }
const error = { code: 'SOURCE_CHANGED', message: 'it changed', isRetryable: false } as const

const progresses: readonly Progress[] = [
  { state: 'queued', generation: 1, isOpening: false },
  { state: 'uploading', generation: 1, upload },
  { state: 'finalizing', generation: 1, upload, treeHash },
  {
    state: 'reconciling',
    generation: 1,
    upload,
    treeHash,
    doubtSinceMs: 5,
    inventoryJobId: null,
    inventoryDateMs: null,
  },
  { state: 'paused', generation: 1, isOpening: false, upload: null },
  { state: 'paused', generation: 2, isOpening: false, upload },
  { state: 'archived', generation: 1, upload, archive },
  { state: 'failed', generation: 1, upload: null, fate: 'gone', error },
  { state: 'cancelled', generation: 1, upload, fate: 'abort' },
]
const none: CountedJob['counts'] = { uploadedParts: 0, uploadedBytes: 0, bytesPerSecond: null }
const at = (progress: Progress, counts = none, trouble: CountedJob['trouble'] = null) => {
  const finishedAtMs = progress.state === 'archived' ? definition.createdAtMs + 1 : null
  const job: Job = { ...newJob(definition), progress, finishedAtMs }
  return { job, counts, trouble }
}

describe('jobToView()', () => {
  it('makes a view that its schema accepts of every state, with nothing undefined', () => {
    for (const progress of progresses) {
      const view = jobToView(at(progress))
      assert.deepEqual(JobView.parse(JSON.parse(JSON.stringify(view))), view)
      assert.equal(view.state, progress.state)
      const event = jobToProgressEvent(at(progress))
      assert.deepEqual(ProgressEventView.parse(JSON.parse(JSON.stringify(event))), event)
    }
  })

  it('shows null for what is not known', () => {
    const view = jobToView({
      job: newJob({ ...definition, description: '' }),
      counts: none,
      trouble: null,
    })
    const unknown = [
      'size',
      'uploadId',
      'archiveId',
      'location',
      'sha256TreeHash',
      'error',
    ] as const
    for (const key of unknown) assert.equal(view[key], null)
    assert.equal(view.description, null)
    assert.equal(view.partSize, 2 ** 21)
    assert.deepEqual(view.bytes, { total: null, uploaded: 0 })
  })

  it('shows an archive as wholly uploaded, whatever was counted', () => {
    const view = jobToView(at({ state: 'archived', generation: 1, upload, archive }))
    assert.deepEqual(view.parts, { total: 3, uploaded: 3 })
    assert.deepEqual(view.bytes, { total: plan.sizeBytes, uploaded: plan.sizeBytes })
    assert.equal(view.archiveId, 'A')
    assert.equal(view.sha256TreeHash, treeHash)
    assert.equal(view.finishedAt, '2025-06-15T15:06:40.001Z')
  })

  it('estimates the time left from the bytes left, and not at all at a standstill', () => {
    const uploading: Progress = { state: 'uploading', generation: 1, upload }
    const counts = { uploadedParts: 1, uploadedBytes: 2 ** 20, bytesPerSecond: 3 * 2 ** 20 }
    assert.equal(jobToView(at(uploading, counts)).etaSeconds, 2)
    assert.equal(jobToView(at(uploading, { ...counts, bytesPerSecond: 0 })).etaSeconds, null)
    assert.equal(jobToView(at(uploading)).etaSeconds, null)
    const paused: Progress = { state: 'paused', generation: 1, isOpening: false, upload }
    assert.equal(jobToView(at(paused, counts)).bytesPerSecond, null)
  })
})

describe('partsToViews()', () => {
  it('covers every byte once, in order, whatever the page', () => {
    const sizes = fc.record({
      sizeBytes: fc.integer({ min: 1, max: 200 * 2 ** 20 }),
      limit: fc.integer({ min: 1, max: 50 }),
    })
    fc.assert(
      fc.property(sizes, ({ sizeBytes, limit }) => {
        const partSizeBytes = 2 ** 20
        const cut = { sizeBytes, partSizeBytes, partCount: Math.ceil(sizeBytes / partSizeBytes) }
        const empty = {
          bitmap: Buffer.alloc(0),
          treeHashes: Buffer.alloc(0),
          attempts: [],
          workers: [],
        }
        let next = 0
        for (let start = 0; start < cut.partCount; start += limit) {
          for (const view of partsToViews(cut, empty, { start, limit })) {
            assert.deepEqual(PartView.parse(view), view)
            assert.equal(view.start, next)
            next = view.end + 1
          }
        }
        assert.equal(next, sizeBytes)
      }),
    )
  })

  it('tells pending, begun and uploaded parts apart', () => {
    const records = {
      bitmap: Buffer.from([0b1000_0000]),
      treeHashes: Buffer.alloc(32, 0xcd),
      attempts: [1, 2],
      workers: ['w1', 'w2'],
    }
    const views = partsToViews(plan, records, { start: 0, limit: 10 })
    assert.deepEqual(
      views.map(({ state, sha256TreeHash, attempts, worker }) => [
        state,
        sha256TreeHash,
        attempts,
        worker,
      ]),
      [
        ['uploaded', treeHash, 1, 'w1'],
        ['uploading', null, 2, 'w2'],
        ['pending', null, 0, null],
      ],
    )
  })
})

describe('the error of a job', () => {
  const trouble = { code: 'GLACIER_CREDENTIALS', message: 'expired', isRetryable: true } as const

  it('says why a job at work is waiting', () => {
    const waiting = { state: 'queued', generation: 1, isOpening: false } as const
    const { error } = jobToView(at(waiting, none, trouble))
    assert.deepEqual(error, { code: trouble.code, message: 'expired', retryable: true })
  })

  it('says nothing of trouble that is over', () => {
    const archived = { state: 'archived', generation: 1, upload, archive } as const
    assert.equal(jobToView(at(archived, none, trouble)).error, null)
  })
})
