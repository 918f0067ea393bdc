import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { type EndedRun, endingOf } from './run-ending.ts'

const failedWith = (error: unknown): EndedRun => ({
  result: { ok: false, error },
  aborted: null,
  isLastAttempt: false,
  isPatienceOver: false,
  backoff: { baseMs: 1000, capMs: 8000 },
  uncountedRuns: 0,
})
const succeeded: EndedRun = { ...failedWith(undefined), result: { ok: true } }
const unreadable = new AppError('SOURCE_UNREADABLE', 'gone')
const unavailable = new AppError('GLACIER_UNAVAILABLE', 'gone')
const throttled = new AppError('GLACIER_THROTTLED', 'slow down')
const credentials = new AppError('GLACIER_CREDENTIALS', 'expired')
const refused = new AppError('SOURCE_CHANGED', 'changed')

describe('endingOf()', () => {
  it('maps every disposition to an ending', () => {
    assert.deepEqual(endingOf(succeeded, 0), { outcome: 'done' })
    const retry = { outcome: 'retry', error: unreadable }
    assert.deepEqual(endingOf(failedWith(unreadable), 0), retry)
    assert.deepEqual(endingOf(failedWith(unavailable), 0), { outcome: 'waiting', delayMs: 50 })
    assert.deepEqual(endingOf(failedWith(refused), 0), { outcome: 'failed', error: refused })
    assert.deepEqual(endingOf(failedWith(throttled), 0), { outcome: 'throttled', delayMs: 500 })
    assert.deepEqual(endingOf(failedWith(credentials), 0), { outcome: 'waiting', delayMs: 10_000 })
  })

  it('retries an error that nobody classified, as INTERNAL', () => {
    const ending = endingOf(failedWith(new TypeError('bug')), 0)
    assert.equal(ending.outcome === 'retry' && ending.error.code, 'INTERNAL')
  })

  it('fails after the last attempt', () => {
    const last = { ...failedWith(unreadable), isLastAttempt: true }
    assert.deepEqual(endingOf(last, 0), { outcome: 'failed', error: unreadable })
  })

  it('outlasts a service that is away, whatever attempts are left, until patience is over', () => {
    const away = { ...failedWith(unavailable), isLastAttempt: true, uncountedRuns: 100 }
    assert.deepEqual(endingOf(away, 0.5), { outcome: 'waiting', delayMs: 4050 })
    const over = endingOf({ ...away, isPatienceOver: true }, 0)
    assert.deepEqual(over, { outcome: 'failed', error: unavailable })
  })

  it('waits longer each time it is not counted, up to a cap', () => {
    const delays = [0, 1, 5, 100].map((uncountedRuns) => {
      const ending = endingOf({ ...failedWith(throttled), uncountedRuns }, 0.5)
      return ending.outcome === 'throttled' ? ending.delayMs : undefined
    })
    assert.deepEqual(delays, [1000, 1500, 16_500, 30_500])
  })

  it('hands back what a shutdown interrupted, whatever the handler threw', () => {
    const ending = endingOf({ ...failedWith(refused), aborted: 'shutdown' }, 0)
    assert.deepEqual(ending, { outcome: 'handed-back' })
    assert.deepEqual(endingOf({ ...succeeded, aborted: 'shutdown' }, 0), { outcome: 'done' })
  })

  it('leaves a job alone that may belong to somebody else', () => {
    const abandoned = { outcome: 'abandoned' }
    assert.deepEqual(endingOf({ ...succeeded, aborted: 'lock-lost' }, 0), abandoned)
    assert.deepEqual(endingOf({ ...failedWith(refused), aborted: 'lock-lost' }, 0), abandoned)
    assert.deepEqual(endingOf({ ...failedWith(refused), aborted: 'lock-unsure' }, 0), abandoned)
  })

  it('lets a run that was done while its lock was unsure end: Redis checks the lock', () => {
    assert.deepEqual(endingOf({ ...succeeded, aborted: 'lock-unsure' }, 0), { outcome: 'done' })
  })
})
