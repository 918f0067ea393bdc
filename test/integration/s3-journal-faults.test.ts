import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultControls } from '@firn/core'
import { recoverJobs } from '@firn/engine'
import type { Journal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, anUpload, aReceipt, type S3FaultAction } from '@firn/testing'
import {
  IMPATIENT,
  isUnavailable,
  keyOf,
  never,
  openS3World,
  PREFIX,
} from './s3-journal-harness.ts'

describe('other records over a bad network', () => {
  const passing: readonly S3FaultAction[] = [
    { type: 'reset', isDone: true },
    { type: 'reset', isDone: false },
    { type: 'hang', isDone: true },
    { type: 'error', status: 503, code: 'SlowDown' },
    { type: 'page', status: 503 },
  ]
  for (const action of passing) {
    const isDone = 'isDone' in action ? `, carried out: ${action.isDone}` : ''
    it(`are written, removed and read in spite of: ${action.type}${isDone}`, async () => {
      await using world = await openS3World()
      const journal = await world.open(IMPATIENT)
      const definition = aDefinition()
      const { id: jobId } = definition
      const record = { jobId, generation: 2, atMs: 3 }
      const error = { code: 'GLACIER_TIMEOUT', message: 'slow', isRetryable: true } as const
      await journal.putDefinition(definition, never)
      await journal.putFailure({ jobId, generation: 2, error, atMs: 5 }, never)
      for (const operation of ['PUT', 'GET', 'LIST', 'DELETE'] as const) {
        world.s3.faults.add({ operation, action })
      }
      await journal.putGeneration(record, never)
      await journal.deleteFailure(jobId, never)
      assert.deepEqual(await journal.load(jobId, never), {
        ...{ definition, generations: [record], uploads: [], intents: [], cancels: [] },
        ...{ receipt: null, failure: null },
      })
    })
  }

  it('are never taken for whole when the answer breaks off, nor for absent', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definition = aDefinition()
    await journal.putDefinition(definition, never)
    await journal.putReceipt(aReceipt(definition), never)
    const cut = { operation: 'GET', action: { type: 'cut' } } as const
    world.s3.faults.add({ ...cut, count: 2 })
    assert.deepEqual((await journal.load(definition.id, never))?.definition, definition)
    world.s3.faults.add({ ...cut, key: /receipt/, count: 99 })
    await assert.rejects(journal.load(definition.id, never), isUnavailable)
    world.s3.faults.clear()
    const action = { type: 'error', status: 404, code: 'NoSuchBucket' } as const
    world.s3.faults.add({ operation: 'GET', action, count: 99 })
    await assert.rejects(journal.load(definition.id, never), isUnavailable)
  })

  it('let go of a caller that gives up', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definition = aDefinition()
    for (const operation of ['PUT', 'GET', 'LIST', 'DELETE'] as const) {
      world.s3.faults.add({ operation, action: { type: 'hang', isDone: false }, count: 99 })
    }
    const reason = new Error('enough')
    const { id } = definition
    const calls: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => journal.putDefinition(definition, signal),
      (signal) => journal.putGeneration({ jobId: id, generation: 2, atMs: 1 }, signal),
      (signal) => journal.deleteFailure(id, signal),
      (signal) => journal.load(id, signal),
      (signal) => Array.fromAsync(journal.jobIds(signal)),
    ]
    for (const call of calls) {
      const leaving = new AbortController()
      const calling = call(leaving.signal)
      setTimeout(() => leaving.abort(reason), 50)
      await assert.rejects(calling, reason)
    }
  })
})

function recoverDeps(journal: Journal) {
  const ignore = async (): Promise<void> => {}
  return {
    ...{ store: createMemoryJobStore(), journal, controls: () => defaultControls, now: Date.now },
    queues: {
      addOpen: ignore,
      addParts: ignore,
      addFinalize: ignore,
      changePriority: async () => undefined,
      addAbort: ignore,
    },
  }
}

describe('a bucket that goes away in the middle of a recovery', () => {
  it('is not taken for jobs whose records are damaged', async () => {
    await using world = await openS3World()
    const journal = await world.open({ tries: 1, pingFreshMs: 0, pingStaleMs: 0 })
    for (let count = 0; count < 5; count += 1) await journal.putDefinition(aDefinition(), never)
    const deps = recoverDeps(journal)
    const gone = { action: { type: 'reset', isDone: false }, count: 1e9 } as const
    for (const operation of ['GET', 'PUT'] as const) world.s3.faults.add({ operation, ...gone })
    await assert.rejects(recoverJobs(deps, { isDryRun: false }, never), isUnavailable)
    assert.equal(await deps.store.hasMark(never), false)
    world.s3.faults.clear()
    assert.equal((await recoverJobs(deps, { isDryRun: false }, never)).rebuilt.length, 5)
  })
})

describe('a record that somebody damaged', () => {
  it('costs its own job alone, and is never overwritten', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definitions = Array.from({ length: 12 }, () => aDefinition())
    for (const one of definitions) await journal.putDefinition(one, never)
    const [first, second, ...whole] = definitions
    assert.ok(first && second)
    const { id: jobId } = second
    await journal.putUpload({ jobId, generation: 1, upload: anUpload() }, never)
    const spoil = (key: string, text: string) => {
      const body = Buffer.from(text)
      assert.ok(world.s3.objects.has(key), key)
      world.s3.objects.set(key, { body, metadata: {}, hasChecksum: false })
    }
    spoil(keyOf(first), '{"id":')
    spoil(`${PREFIX}${jobId.slice(-1)}/${jobId}/upload-1.json`, '{}')

    const report = await recoverJobs(recoverDeps(journal), { isDryRun: false }, never)
    assert.equal(report.known, 12)
    assert.deepEqual([...report.rebuilt].sort(), whole.map(({ id }) => id).sort())
    assert.deepEqual(report.failed.map((one) => one.jobId).sort(), [first.id, jobId].sort())
    await assert.rejects(journal.putDefinition(first, never), isUnavailable)
    assert.equal(world.s3.objects.get(keyOf(first))?.body.toString(), '{"id":')
  })
})
