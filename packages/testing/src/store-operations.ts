import { hasPart, type JobId, type Progress } from '@firn/core'
import type { JobStore } from '@firn/store'
import fc from 'fast-check'
import { aDefinition, aJob, anUpload } from './builders.ts'

const never = new AbortController().signal
const PARTS_MAX = 7

/** One call to a store, and an answer that does not depend on which store gave it. */
export interface StoreOperation {
  readonly toString: () => string
  readonly run: (store: JobStore) => Promise<unknown>
}

const definitions = Array.from({ length: 2 }, () => aDefinition({ createdAtMs: 1000 }))
const definition = fc.constantFrom(...definitions)
const partCount = fc.integer({ min: 1, max: PARTS_MAX })
const index = fc.integer({ min: 0, max: PARTS_MAX })
const window = fc.integer({ min: 0, max: 5 })

type Shape = 'queued' | 'uploading' | 'paused' | 'archived' | 'failed' | 'gone'

function progressOf(shape: Shape, generation: number, parts: number): Progress {
  const upload = anUpload({ partCount: parts, uploadId: `upload-${generation}` })
  const treeHash = 'ab'.repeat(32)
  const archive = { archiveId: 'a', location: '/a', treeHash }
  switch (shape) {
    case 'queued':
      return { state: 'queued', generation, isOpening: false }
    case 'uploading':
      return { state: 'uploading', generation, upload }
    case 'paused':
      return { state: 'paused', generation, isOpening: false, upload }
    case 'archived':
      return { state: 'archived', generation, upload, archive }
    case 'failed': {
      const error = { code: 'SOURCE_CHANGED', message: 'It changed', isRetryable: false } as const
      return { state: 'failed', generation, upload, fate: 'abort', error }
    }
    case 'gone':
      return { state: 'cancelled', generation, upload: null, fate: 'gone' }
  }
}

function operation(text: string, run: StoreOperation['run']): StoreOperation {
  return { toString: () => text, run }
}

/** The generation that the store has now, moved by `offset`. */
async function generationOf(store: JobStore, id: JobId, offset: number): Promise<number> {
  const stored = await store.load(id, never)
  return Math.max(1, (stored?.job.progress.generation ?? 1) + offset)
}

const shape = fc.constantFrom<Shape>(
  'queued',
  'uploading',
  'uploading',
  'uploading',
  'paused',
  'uploading',
  'archived',
  'failed',
  'gone',
)

const creation = fc
  .tuple(definition, shape, partCount)
  .map(([made, to, parts]) =>
    operation(`create ${made.id} ${to} ${parts}`, (store) =>
      store.create(aJob({ definition: made, progress: progressOf(to, 1, parts) }), never),
    ),
  )

const saving = fc
  .tuple(
    definition,
    shape,
    partCount,
    fc.constantFrom(false, false, false, true),
    fc.constantFrom(0, 0, 0, 0, -1, 1),
  )
  .map(([made, to, parts, isNew, staleness]) =>
    operation(`save ${made.id} ${to} ${parts} ${isNew} ${staleness}`, async (store) => {
      const stored = await store.load(made.id, never)
      const generation = (stored?.job.progress.generation ?? 1) + (isNew ? 1 : 0)
      const job = aJob({ definition: made, progress: progressOf(to, generation, parts) })
      return await store.save(job, (stored?.version ?? 1) + staleness, never)
    }),
  )

/** Mostly the present generation; sometimes another. */
const offset = fc.constantFrom(0, 0, 0, 0, 0, -1, 1)

const beginning = fc
  .tuple(definition, index, offset, fc.constantFrom('ann', 'bob'), fc.integer({ min: 1, max: 3 }))
  .map(([{ id }, part, by, worker, attempt]) =>
    operation(`beginPart ${id} ${part} ${by} ${worker} ${attempt}`, async (store) => {
      const generation = await generationOf(store, id, by)
      return await store.beginPart(
        { jobId: id, generation, index: part },
        { worker, attempt },
        never,
      )
    }),
  )

const opening = fc.tuple(definition, window, offset).map(([{ id }, wanted, by]) =>
  operation(`openParts ${id} ${wanted} ${by}`, async (store) => {
    const generation = await generationOf(store, id, by)
    return await store.openParts({ jobId: id, generation }, wanted, never)
  }),
)

const recording = fc
  .record({
    definition,
    index,
    offset,
    window,
    byte: fc.constantFrom(1, 1, 1, 1, 2),
    sizeBytes: fc.constantFrom(1, 1000, 4 * 1024 ** 3),
    nowMs: fc.integer({ min: 0, max: 30_000 }),
  })
  .map(({ definition: { id }, index: part, offset: by, byte, ...input }) =>
    operation(`recordPart ${id} ${part} ${by} ${byte} ${JSON.stringify(input)}`, async (store) => {
      const ref = { jobId: id, generation: await generationOf(store, id, by), index: part }
      return await store.recordPart(ref, { ...input, treeHash: Buffer.alloc(32, byte) }, never)
    }),
  )

const forgetting = fc
  .tuple(definition, fc.array(index, { maxLength: 4 }), offset)
  .map(([{ id }, parts, by]) =>
    operation(`forgetParts ${id} ${parts} ${by}`, async (store) => {
      const job = { jobId: id, generation: await generationOf(store, id, by) }
      const forgotten = parts.map((part) => ({ index: part, sizeBytes: 1000 }))
      return await store.forgetParts(job, forgotten, never)
    }),
  )

/** Histories of calls that change a store, most of them in ways that make sense. */
export const storeHistories: fc.Arbitrary<readonly StoreOperation[]> = fc.array(
  fc.oneof(
    { arbitrary: creation, weight: 2 },
    { arbitrary: saving, weight: 2 },
    { arbitrary: beginning, weight: 2 },
    { arbitrary: opening, weight: 3 },
    { arbitrary: recording, weight: 6 },
    { arbitrary: forgetting, weight: 1 },
  ),
  { minLength: 10, maxLength: 120, size: 'max' },
)

/** All that a store tells, without what may differ from one store to the next. */
export async function storeContents(store: JobStore): Promise<unknown> {
  const ids = definitions.map(({ id }) => id)
  const limit = 1
  const first = await store.list({ state: null, cursor: null, limit }, never)
  const rest = await store.list({ state: null, cursor: first.nextCursor, limit }, never)
  const due = await store.listDue({ cursor: null, limit: 10 }, never)
  const uploading = await store.list({ state: 'uploading', cursor: null, limit: 10 }, never)
  const events = await store.stateEvents('0', 1000, never)
  return {
    jobs: await Promise.all(ids.map((id) => store.load(id, never))),
    parts: await Promise.all(ids.map((id) => partsOf(store, id))),
    listed: [first.items, first.nextCursor === null ? [] : rest.items],
    due: due.items,
    uploading: uploading.items,
    counts: await store.countByState(never),
    liveness: await store.liveness(ids, never),
    events: events.map(({ jobId, state, version }) => ({ jobId, state, version })),
  }
}

async function partsOf(store: JobStore, jobId: JobId): Promise<unknown> {
  const job = { jobId, generation: await generationOf(store, jobId, 0) }
  const table = await store.loadParts({ ...job, partCount: PARTS_MAX }, never)
  const recorded = Array.from({ length: PARTS_MAX }, (_, part) =>
    hasPart(table.bitmap, part)
      ? Buffer.from(table.treeHashes.subarray(part * 32, part * 32 + 32)).toString('hex')
      : null,
  )
  return {
    recorded,
    attempts: table.attempts,
    workers: table.workers,
    unfinished: await store.unfinishedParts(job, 3, never),
  }
}
