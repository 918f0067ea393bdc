import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fullJitterMs } from './backoff.ts'

describe('fullJitterMs()', () => {
  it('stays between 0 and the cap, and below the exponential', () => {
    const attempts = fc.integer({ min: 1, max: 2 ** 31 })
    const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    fc.assert(
      fc.property(attempts, fractions, (attempt, random) => {
        const delayMs = fullJitterMs({ attempt, baseMs: 200, capMs: 60_000 }, random)
        assert.ok(delayMs >= 0 && delayMs < 60_000)
        assert.ok(delayMs <= 200 * 2 ** (attempt - 1))
      }),
    )
  })
})
