import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { watchValue } from './watch-value.ts'

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await setImmediate()
}

describe('watchValue()', () => {
  it('has the initial value until the first read, which comes at once', async () => {
    await using watched = watchValue({
      initial: 0,
      read: async () => 1,
      intervalMs: 3_600_000,
      onError: (error) => assert.fail(String(error)),
    })
    assert.equal(watched.current(), 0)
    await until(() => watched.current() === 1)
  })

  it('follows the value, tells each read, and keeps what it had when one fails', async () => {
    let read = 0
    const told: number[] = []
    const errors: unknown[] = []
    await using watched = watchValue({
      initial: 0,
      async read() {
        read += 1
        if (read % 2 === 0) throw new Error('away')
        return read
      },
      intervalMs: 1,
      onRead: (value) => told.push(value),
      onError: (error) => errors.push(error),
    })
    await until(() => told.length >= 3)
    assert.deepEqual(told.slice(0, 3), [1, 3, 5])
    assert.ok(errors.length >= 2)
    assert.ok(watched.current() >= 5)
  })

  it('aborts the read under way when it is disposed of, and reports nothing', async () => {
    const errors: unknown[] = []
    const watched = watchValue({
      initial: 0,
      read: (signal) =>
        new Promise<number>((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
      intervalMs: 3_600_000,
      onError: (error) => errors.push(error),
    })
    await watched[Symbol.asyncDispose]()
    assert.deepEqual(errors, [])
  })
})
