import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { simulate } from './world.ts'

/** More of them by `SIM_RUNS=100000`, one of them again by `SIM_SEED=42 SIM_RUNS=1`. */
const RUNS = Number(process.env.SIM_RUNS ?? 1000)
const FIRST_SEED = Number(process.env.SIM_SEED ?? 1)

describe('the simulated world', () => {
  it(`keeps every invariant through ${RUNS} schedules of faults`, async (context) => {
    const total = { steps: 0, faults: 0, archived: 0, failed: 0, cancelled: 0 }
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
      const report = await simulate({ seed, jobCount: 1 + (seed % 3), partCount: 1 + (seed % 5) })
      total.steps += report.steps
      total.faults += report.faults
      total.archived += report.archived
      total.failed += report.failed
      total.cancelled += report.cancelled
    }
    context.diagnostic(JSON.stringify(total))
    // A run in which nothing goes wrong, or nothing is achieved, proves nothing.
    if (RUNS < 100) return
    for (const [name, count] of Object.entries(total)) assert.ok(count > 0, name)
  })

  it('replays a seed step by step', async () => {
    const options = { seed: 7, jobCount: 3, partCount: 4 }
    assert.deepEqual(await simulate(options), await simulate(options))
  })
})
