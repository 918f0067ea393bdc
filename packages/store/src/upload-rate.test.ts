import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addSample, bytesPerSecond, parseSamples, type RateSample } from './upload-rate.ts'

function samplesOf(records: readonly (readonly [atMs: number, bytes: number])[]) {
  let samples: readonly RateSample[] = []
  for (const [atMs, bytes] of records) samples = addSample(samples, atMs, bytes)
  return samples
}

describe('upload rate', () => {
  it('is not known before time has passed between two records', () => {
    assert.equal(bytesPerSecond([]), null)
    assert.equal(bytesPerSecond(samplesOf([[5000, 100]])), null)
    assert.equal(
      bytesPerSecond(
        samplesOf([
          [5000, 100],
          [5000, 100],
        ]),
      ),
      null,
    )
  })

  it('is what came after the first record, over the time since', () => {
    const samples = samplesOf([
      [0, 999],
      [500, 100],
      [2000, 300],
    ])
    assert.equal(bytesPerSecond(samples), 200)
  })

  it('forgets what is older than ten seconds', () => {
    const fast = Array.from({ length: 20 }, (_, index) => [index * 1000, 1000] as const)
    const slow = Array.from({ length: 12 }, (_, index) => [20_000 + index * 1000, 10] as const)
    assert.equal(bytesPerSecond(samplesOf([...fast, ...slow])), 10)
  })

  it('keeps two records however far apart they are', () => {
    const samples = samplesOf([
      [0, 1],
      [60_000, 120],
      [120_000, 60],
    ])
    assert.equal(bytesPerSecond(samples), 1)
  })

  it('holds at most thirteen samples and is never negative, whatever the clocks do', () => {
    const record = fc.tuple(fc.nat(60_000), fc.nat(1e9))
    fc.assert(
      fc.property(fc.array(record, { maxLength: 200, size: 'max' }), (records) => {
        const samples = samplesOf(records)
        assert.ok(samples.length <= 13, `${samples.length} samples`)
        assert.ok((bytesPerSecond(samples) ?? 0) >= 0)
      }),
    )
  })

  it('reads the form in which Redis keeps samples', () => {
    assert.deepEqual(parseSamples(''), [])
    assert.deepEqual(parseSamples('1:2,30:40'), [
      { atMs: 1, totalBytes: 2 },
      { atMs: 30, totalBytes: 40 },
    ])
  })
})
