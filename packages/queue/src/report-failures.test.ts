import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, type JobId } from '@firn/core'
import { type FailedRun, reportFailures } from './report-failures.ts'

const ref = { jobId: '01890000-0000-7000-8000-000000000000' as JobId, generation: 1 }

/** What is reported of a run that throws `error`. */
async function reportOf(error: unknown, signal = new AbortController().signal) {
  const reports: FailedRun[] = []
  const handler = reportFailures(
    () => Promise.reject(error),
    (failed) => reports.push(failed),
  )
  await assert.rejects(
    handler(ref, { signal, attempt: 2, isLastAttempt: false, isPatienceOver: false }),
  )
  return reports
}

describe('reportFailures()', () => {
  it('gives the stack of a failure that nobody classified, and of no other', async () => {
    const bug = new TypeError('x is not a function')
    const attempt = 2
    assert.deepEqual(await reportOf(bug), [
      { ...ref, attempt, code: 'INTERNAL', reason: bug.message, err: bug },
    ])
    const known = new AppError('GLACIER_TIMEOUT', 'the request took 1 ms')
    assert.deepEqual(await reportOf(known), [
      { ...ref, attempt, code: known.code, reason: known.message },
    ])
  })

  it('says nothing of a run that was told to stop', async () => {
    assert.deepEqual(await reportOf(new Error('aborted'), AbortSignal.abort()), [])
  })
})
