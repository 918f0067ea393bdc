import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startLoop } from './start-loop.ts'

describe('startLoop()', () => {
  it('runs one at a time, past failures, until disposed', async () => {
    let running = 0
    let runs = 0
    const errors: unknown[] = []
    const { promise: enough, resolve } = Promise.withResolvers<void>()
    const loop = startLoop({
      intervalMs: 1,
      async run() {
        running += 1
        assert.equal(running, 1)
        await new Promise(setImmediate)
        running -= 1
        runs += 1
        if (runs === 2) throw new Error('second')
        if (runs === 4) resolve()
      },
      onError: (error) => errors.push(error),
    })
    await enough
    await loop[Symbol.asyncDispose]()
    const after = runs
    await new Promise(setImmediate)
    assert.equal(runs, after)
    assert.deepEqual(errors.map(String), ['Error: second'])
  })

  it('aborts the run under way and waits for it, without calling that an error', async () => {
    const { promise: begun, resolve } = Promise.withResolvers<void>()
    let isOver = false
    const loop = startLoop({
      intervalMs: 1,
      async run(signal) {
        resolve()
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }).finally(() => {
          isOver = true
        })
      },
      onError: () => assert.fail('an abort is not an error'),
    })
    await begun
    await loop[Symbol.asyncDispose]()
    assert.equal(isOver, true)
  })
})
