import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createJobId } from './ids.ts'
import {
  isFinished,
  type JobState,
  jobStates,
  type Progress,
  type Upload,
  uploadOf,
} from './job.ts'
import { advance, initialProgress, type JobEvent, newJob, step, workFor } from './job-machine.ts'

const upload = (uploadId: string): Upload => ({
  uploadId,
  plan: { sizeBytes: 3, partSizeBytes: 1024 ** 2, partCount: 1 },
  pin: { sizeBytes: 3, device: '1', inode: '2', mtimeNs: '3', ctimeNs: '4' },
  expectedTreeHash: null,
  openedAtMs: 5,
})
const archive = (archiveId: string) => ({ archiveId, location: `/1/${archiveId}`, treeHash: 'aa' })
const error = (isRetryable: boolean) => ({ code: 'INTERNAL', message: 'x', isRetryable }) as const

const events: readonly JobEvent[] = [
  { type: 'opening' },
  { type: 'opened', upload: upload('U1') },
  { type: 'opened', upload: upload('U2') },
  { type: 'sealed', treeHash: 'aa' },
  { type: 'sealed', treeHash: 'bb' },
  { type: 'range-missing' },
  { type: 'doubted', atMs: 7 },
  { type: 'doubt-cleared' },
  { type: 'inventory-asked', inventoryJobId: 'I1', inventoryDateMs: 8 },
  { type: 'upload-lost' },
  { type: 'upload-kept' },
  { type: 'completed', archive: archive('A1') },
  { type: 'completed', archive: archive('A2') },
  { type: 'failed', error: error(true) },
  { type: 'failed', error: error(false) },
  { type: 'upload-aborted' },
  { type: 'pause' },
  { type: 'resume' },
  { type: 'cancel' },
  { type: 'retry' },
]
const aHistory = fc.array(fc.constantFrom(...events), { maxLength: 30 })

/** Every state of a history, the refused events left out. */
function run(history: readonly JobEvent[]): Progress[] {
  const states = [initialProgress]
  for (const event of history) {
    const next = step(states.at(-1) ?? initialProgress, event)
    if (next.ok) states.push(next.progress)
  }
  return states
}

const last = (history: readonly JobEvent[]): Progress => run(history).at(-1) ?? initialProgress

describe('step()', () => {
  it('is idempotent: an event that already happened changes nothing', () => {
    // Losing an upload starts a new generation, which a second report must not do again: callers
    // name the generation that they speak of, so it never reaches `step` twice.
    const repeatable = events.filter((event) => event.type !== 'upload-lost')
    fc.assert(
      fc.property(aHistory, fc.constantFrom(...repeatable), (history, event) => {
        const once = step(last(history), event)
        if (once.ok) assert.deepEqual(step(once.progress, event), once)
      }),
    )
  })

  it('never leaves archived, and never changes the archive', () => {
    fc.assert(
      fc.property(aHistory, (history) => {
        const archived = run(history).filter((progress) => progress.state === 'archived')
        assert.ok(new Set(archived.map(({ archive: { archiveId } }) => archiveId)).size <= 1)
        const states = run(history).map(({ state }) => state)
        const first = states.indexOf('archived')
        if (first >= 0) assert.ok(states.slice(first).every((state) => state === 'archived'))
      }),
    )
  })

  it('changes the upload only together with the generation, which never falls', () => {
    fc.assert(
      fc.property(aHistory, (history) => {
        const uploads = new Map<number, string>()
        let generation = 1
        for (const progress of run(history)) {
          assert.ok(progress.generation >= generation)
          generation = progress.generation
          const uploadId = uploadOf(progress)?.uploadId
          if (uploadId === undefined) continue
          assert.equal(uploads.get(generation) ?? uploadId, uploadId)
          uploads.set(generation, uploadId)
        }
      }),
    )
  })

  it('never forgets an upload that Glacier may still hold', () => {
    fc.assert(
      fc.property(aHistory, (history) => {
        const states = run(history)
        for (const [index, progress] of states.entries()) {
          const before = states[index - 1]
          if (before === undefined || uploadOf(before) === null || uploadOf(progress) !== null)
            continue
          const isGone = before.state === 'failed' && before.fate === 'gone'
          assert.ok(isGone || progress.generation > before.generation)
        }
      }),
    )
  })

  it('does not cancel or pause once Complete may have been sent', () => {
    for (const state of ['finalizing', 'reconciling'] as const) {
      const history = [events[1], events[3], ...(state === 'reconciling' ? [events[6]] : [])]
      const progress = last(history.filter((event) => event !== undefined))
      assert.equal(progress.state, state)
      for (const type of ['cancel', 'pause'] as const) {
        assert.deepEqual(step(progress, { type }), { ok: false, reason: 'illegal' })
      }
    }
  })

  it('aborts the upload of a failure that a retry cannot mend, and keeps it otherwise', () => {
    const fates = [true, false].map((isRetryable) =>
      last([
        { type: 'opened', upload: upload('U1') },
        { type: 'failed', error: error(isRetryable) },
      ]),
    )
    assert.deepEqual(
      fates.map((progress) => (progress.state === 'failed' ? progress.fate : progress.state)),
      ['kept', 'abort'],
    )
    assert.deepEqual(fates.map(workFor), [undefined, 'abort'])
  })

  it('retries with the parts it has, or from the start when they are gone', () => {
    const opened = { type: 'opened', upload: upload('U1') } as const
    const kept = last([opened, { type: 'failed', error: error(true) }, { type: 'retry' }])
    assert.deepEqual([kept.state, kept.generation], ['uploading', 1])
    const gone = last([
      opened,
      { type: 'failed', error: error(false) },
      { type: 'upload-aborted' },
      { type: 'retry' },
    ])
    assert.deepEqual([gone.state, gone.generation], ['queued', 2])
  })

  it('looks for the upload of an Initiate that was never answered', () => {
    const progress = last([{ type: 'opening' }, { type: 'cancel' }])
    assert.equal(workFor(progress), 'abort')
  })

  it('reaches every state', () => {
    const reached = new Set<JobState>()
    fc.assert(
      fc.property(aHistory, (history) => {
        for (const { state } of run(history)) reached.add(state)
      }),
      { numRuns: 2000 },
    )
    assert.deepEqual([...reached].sort(), [...jobStates].sort())
  })
})

describe('workFor()', () => {
  it('leaves no unfinished job without work, except a paused one', () => {
    fc.assert(
      fc.property(aHistory, (history) => {
        const progress = last(history)
        const isWaiting = isFinished(progress.state) || progress.state === 'paused'
        assert.ok(isWaiting || workFor(progress) !== undefined)
      }),
    )
  })
})

describe('advance()', () => {
  it('keeps the very same job when nothing changes, and notes when it finished', () => {
    const definition = {
      id: createJobId(1, new Uint8Array(10)),
      vault: 'v',
      source: { type: 'file', path: '/f' },
      description: '',
      partSizeBytes: null,
      priority: 3,
      expected: { sizeBytes: null, sha256: null, sha256TreeHash: null },
      labels: {},
      createdAtMs: 1,
    } as const
    const job = newJob(definition)
    const same = advance(job, { type: 'resume' }, 9)
    assert.ok(same.ok && same.job === job)
    const cancelled = advance(job, { type: 'cancel' }, 9)
    assert.ok(cancelled.ok)
    assert.deepEqual([cancelled.job.updatedAtMs, cancelled.job.finishedAtMs], [9, 9])
    assert.deepEqual(advance(job, { type: 'sealed', treeHash: 'aa' }, 9), {
      ok: false,
      reason: 'illegal',
    })
  })
})
