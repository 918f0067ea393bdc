import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runMix } from './run-mix.ts'

const seed = process.env.FAULT_SEED ?? String(Date.now() % 1_000_000)

describe('a random mix of faults', () => {
  it(`leaves each job with one right end (FAULT_SEED=${seed})`, async (t) => {
    const report = await runMix({ seed, durationMs: 20_000 })
    t.diagnostic(JSON.stringify(report))
    assert.ok(report.jobs > 0, 'nothing was archived')
  })
})
