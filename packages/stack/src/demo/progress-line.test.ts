import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import { describeProgress } from './progress-line.ts'

describe('describeProgress()', () => {
  it('shows bar, per cent, bytes, speed, detail and the time left', () => {
    const progress = { doneBytes: 64 * MIB, totalBytes: 256 * MIB, detail: '4/16 parts' }
    assert.equal(
      describeProgress(progress, 32 * MIB),
      '██████░░░░░░░░░░░░░░░░░░  25 %  64 MiB of 256 MiB  32 MiB/s  4/16 parts  6 s left',
    )
  })

  it('has no time left to tell while nothing moves, nor of nothing', () => {
    const line = describeProgress({ doneBytes: 0, totalBytes: 0, detail: '' }, 0)
    assert.equal(line, '░░░░░░░░░░░░░░░░░░░░░░░░   0 %  0 B of 0 B  0 MiB/s')
  })

  it('shows 100 % at the last byte alone', () => {
    const progress = { doneBytes: 999, totalBytes: 1000, detail: '' }
    assert.match(describeProgress(progress, 1), / 99 %/)
    assert.match(describeProgress({ ...progress, doneBytes: 1000 }, 1), /100 %/)
  })
})
