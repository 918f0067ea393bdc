import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { limitRate } from './limit-rate.ts'

describe('limitRate()', () => {
  it('lets the first through, and one more after each interval', () => {
    const reported: number[] = []
    let nowMs = 0
    const report = limitRate<number>(
      (value) => reported.push(value),
      1000,
      () => nowMs,
    )
    for (nowMs = 0; nowMs <= 2500; nowMs += 100) report(nowMs)
    assert.deepEqual(reported, [0, 1000, 2000])
  })
})
