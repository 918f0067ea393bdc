import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeError, scrubSecrets } from './describe-error.ts'

describe('describeError()', () => {
  it('follows causes and lists of errors', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const error = new Error('Cannot connect', {
      cause: new AggregateError([refused], 'all failed'),
    })
    const { cause } = describeError(error)
    assert.equal(cause?.message, 'all failed')
    assert.equal(cause?.errors?.[0]?.code, 'ECONNREFUSED')
  })

  it('leaves out what clients hang on their errors', () => {
    const error = Object.assign(new Error('WRONGPASS'), {
      command: { name: 'auth', args: ['hunter2'] },
    })
    assert.doesNotMatch(JSON.stringify(describeError(error)), /hunter2/)
  })

  it('ends on a cause that is its own cause', () => {
    const error = new Error('loop')
    error.cause = error
    assert.ok(JSON.stringify(describeError(error)).length < 20_000)
  })

  it('describes what is not an error', () => {
    assert.deepEqual(describeError('text'), { type: 'string', message: 'text' })
    assert.deepEqual(describeError(undefined), { type: 'undefined', message: 'undefined' })
  })
})

describe('scrubSecrets()', () => {
  it('removes credentials from URLs and bearer tokens', () => {
    assert.equal(
      scrubSecrets(
        'at rediss://user:p%40ss@host:6379/0 and https://token@host, Bearer abc.def-1 end',
      ),
      'at rediss://[redacted]@host:6379/0 and https://[redacted]@host, Bearer [redacted] end',
    )
  })

  it('keeps a text without any as it is', () => {
    const text = 'connect ECONNREFUSED 127.0.0.1:6379 (mail me@example.org)'
    assert.equal(scrubSecrets(text), text)
  })
})
