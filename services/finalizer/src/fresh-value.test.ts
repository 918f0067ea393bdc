import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createFreshValue } from './fresh-value.ts'

describe('createFreshValue()', () => {
  it('forgets what was not found again in time', () => {
    let nowMs = 0
    const value = createFreshValue<number>(100, () => nowMs)
    assert.equal(value.get(), null)
    value.set(7)
    nowMs = 100
    assert.equal(value.get(), 7)
    nowMs = 101
    assert.equal(value.get(), null)
    value.set(8)
    assert.equal(value.get(), 8)
  })
})
