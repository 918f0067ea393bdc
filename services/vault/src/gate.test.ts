import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createGate } from './gate.ts'

describe('createGate()', () => {
  it('runs shared tasks together and an exclusive one alone, in the order they came', async () => {
    const gate = createGate()
    const events: string[] = []
    const first = Promise.withResolvers<void>()
    const task = (name: string, until?: Promise<void>) => async () => {
      events.push(`${name} begins`)
      await until
      events.push(`${name} ends`)
    }
    const running = [
      gate.shared(task('a', first.promise)),
      gate.shared(task('b', first.promise)),
      gate.exclusive(task('x')),
      gate.shared(task('c')),
    ]
    await setImmediate()
    assert.deepEqual(events, ['a begins', 'b begins'])
    first.resolve()
    await Promise.all(running)
    assert.deepEqual(events, [
      'a begins',
      'b begins',
      'a ends',
      'b ends',
      'x begins',
      'x ends',
      'c begins',
      'c ends',
    ])
  })

  it('opens again after a task that failed', async () => {
    const gate = createGate()
    await assert.rejects(
      gate.exclusive(() => Promise.reject(new Error('no'))),
      /no/,
    )
    await assert.rejects(
      gate.shared(() => Promise.reject(new Error('nor'))),
      /nor/,
    )
    assert.equal(await gate.exclusive(async () => 'yes'), 'yes')
  })
})
