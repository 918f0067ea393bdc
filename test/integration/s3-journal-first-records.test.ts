import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, type JobDefinition } from '@firn/core'
import type { Journal } from '@firn/journal'
import { aDefinition, type S3FaultAction, type S3Server, until } from '@firn/testing'
import {
  IMPATIENT,
  isUnavailable,
  keyOf,
  never,
  openS3World,
  requestLines,
} from './s3-journal-harness.ts'

function definitionIn({ objects }: S3Server, definition: JobDefinition): unknown {
  const object = objects.get(keyOf(definition))
  return object && JSON.parse(object.body.toString())
}

/** The put of that definition has arrived, and met what was meant for it. */
async function untilPut(s3: S3Server, definition: JobDefinition): Promise<void> {
  const hasArrived = () => s3.requests.some(({ key }) => key === keyOf(definition))
  await until(hasArrived, { timeoutMs: 60_000 })
}

function strike(s3: S3Server, action: S3FaultAction, count = 1): void {
  s3.faults.add({ operation: 'PUT', key: /\.json$/, action, count })
}

describe('a first record whose put has an unknown outcome', () => {
  const lost: readonly (readonly [string, S3FaultAction])[] = [
    ['was carried out and the connection broke', { type: 'reset', isDone: true }],
    ['never arrived', { type: 'reset', isDone: false }],
    ['was carried out and never answered', { type: 'hang', isDone: true }],
    ['was swallowed', { type: 'hang', isDone: false }],
    ['failed inside after it was done', { type: 'error', status: 500, code: 'E', isDone: true }],
    ['failed inside before', { type: 'error', status: 500, code: 'InternalError' }],
    ['was refused for now', { type: 'error', status: 503, code: 'SlowDown' }],
    ['was refused with a page', { type: 'page', status: 502 }],
    ['ran into a conflict', { type: 'error', status: 409, code: 'ConditionalRequestConflict' }],
    ['timed out on the way', { type: 'error', status: 400, code: 'RequestTimeout' }],
  ]
  for (const [what, action] of lost) {
    it(`is this one, when it ${what}`, async () => {
      await using world = await openS3World()
      const journal = await world.open(IMPATIENT)
      const definition = aDefinition()
      strike(world.s3, action)
      assert.equal(await journal.putDefinition(definition, never), definition)
      assert.deepEqual(definitionIn(world.s3, definition), definition)
    })
  }

  it('is this one, when every answer was lost and only a look tells', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definition = aDefinition()
    strike(world.s3, { type: 'reset', isDone: true }, 3)
    assert.equal(await journal.putDefinition(definition, never), definition)
  })

  it('is the other one, when that came first meanwhile', async () => {
    await using world = await openS3World()
    const journal = await world.open(IMPATIENT)
    const other = await world.open()
    const definition = aDefinition()
    const theirs = { ...definition, vault: 'theirs' }
    strike(world.s3, { type: 'hang', isDone: false })
    const putting = journal.putDefinition(definition, never)
    await untilPut(world.s3, definition)
    assert.equal(await other.putDefinition(theirs, never), theirs)
    assert.deepEqual(await putting, theirs)
    assert.deepEqual(definitionIn(world.s3, definition), theirs)
  })

  it('is the other one, even when that says the very same', async () => {
    await using world = await openS3World()
    const journal = await world.open(IMPATIENT)
    const other = await world.open()
    const definition = aDefinition()
    strike(world.s3, { type: 'hang', isDone: false })
    const putting = journal.putDefinition(definition, never)
    await untilPut(world.s3, definition)
    await other.putDefinition({ ...definition }, never)
    const kept = await putting
    assert.notEqual(kept, definition)
    assert.deepEqual(kept, definition)
  })

  it('stays what it was, when the lost put arrives long after another try', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definition = aDefinition()
    const { promise: arrival, resolve: arrive } = Promise.withResolvers<void>()
    strike(world.s3, { type: 'late', until: arrival })
    assert.equal(await journal.putDefinition(definition, never), definition)
    const before = world.s3.objects.get(keyOf(definition))
    arrive()
    await arrival
    assert.equal(world.s3.objects.get(keyOf(definition)), before)
  })

  it('stays the other one, when the lost put arrives long after its caller gave up', async () => {
    await using world = await openS3World()
    const journal = await world.open({ tries: 1 })
    const other = await world.open()
    const definition = aDefinition()
    const theirs = { ...definition, vault: 'theirs' }
    const { promise: arrival, resolve: arrive } = Promise.withResolvers<void>()
    strike(world.s3, { type: 'late', until: arrival })
    await assert.rejects(journal.putDefinition(definition, never), isUnavailable)
    assert.equal(await other.putDefinition(theirs, never), theirs)
    arrive()
    await arrival
    assert.deepEqual(await journal.putDefinition(definition, never), theirs)
  })

  it('is unknown, and said to be, when nothing at all answers', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definition = aDefinition()
    world.s3.faults.add({ operation: 'GET', action: { type: 'reset', isDone: false }, count: 99 })
    strike(world.s3, { type: 'reset', isDone: true }, 99)
    await assert.rejects(journal.putDefinition(definition, never), isUnavailable)
    world.s3.faults.clear()
    // The caller asks again, and is told that there is one.
    const again = { ...definition, vault: 'again' }
    assert.deepEqual(await journal.putDefinition(again, never), definition)
  })

  it('is not asked for again after a refusal', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    strike(world.s3, { type: 'error', status: 403, code: 'AccessDenied' })
    const definition = aDefinition()
    await assert.rejects(journal.putDefinition(definition, never), (error) => {
      assert.ok(error instanceof AppError && error.code === 'JOURNAL_UNAVAILABLE')
      return error.cause instanceof Error && error.cause.name === 'AccessDenied'
    })
    assert.deepEqual(requestLines(world.s3), [`PUT ${keyOf(definition)}`])
  })
})

describe('a process that dies or gives up in the middle of a first put', () => {
  for (const isDone of [true, false]) {
    it(`leaves ${isDone ? 'its record' : 'nothing'}, and the next one agrees`, async () => {
      await using world = await openS3World()
      const dying = await world.open()
      const definition = aDefinition()
      const next = { ...definition, vault: 'next' }
      const death = new AbortController()
      strike(world.s3, { type: 'hang', isDone })
      const putting = dying.putDefinition(definition, death.signal)
      const reason = new Error('gone')
      await untilPut(world.s3, definition)
      death.abort(reason)
      await assert.rejects(putting, reason)
      const kept = await (await world.open()).putDefinition(next, never)
      assert.deepEqual(kept, isDone ? definition : next)
    })
  }
})

describe('many who put the same first record over a bad network', () => {
  it('agree on one, which exactly one of them takes for its own', async () => {
    await using world = await openS3World()
    const journals = await Promise.all(Array.from({ length: 4 }, () => world.open()))
    const faults: readonly S3FaultAction[] = [
      { type: 'reset', isDone: true },
      { type: 'reset', isDone: false },
      { type: 'error', status: 409, code: 'ConditionalRequestConflict' },
      { type: 'error', status: 500, code: 'InternalError', isDone: true },
    ]
    for (let round = 0; round < 5; round += 1) {
      for (const action of faults) strike(world.s3, action, 2)
      const definition = aDefinition()
      const asked = Array.from({ length: 16 }, (_, index) => ({ ...definition, priority: index }))
      const put = (one: JobDefinition, index: number) =>
        persistently(() => (journals[index % 4] as Journal).putDefinition(one, never))
      const kept = await Promise.all(asked.map(put))
      assert.equal(new Set(kept.map(({ priority }) => priority)).size, 1)
      assert.ok(kept.filter((one, index) => one === asked[index]).length <= 1)
      assert.deepEqual(definitionIn(world.s3, definition), kept[0])
    }
  })
})

/** As whoever uses a journal does: unavailable means to ask again. */
async function persistently<T>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await run()
    } catch (error) {
      if (!isUnavailable(error)) throw error
    }
  }
}
