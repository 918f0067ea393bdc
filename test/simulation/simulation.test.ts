import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { optionsOf, replay, runSeeds } from './run-seeds.ts'
import { simulate } from './world.ts'

/** More of them by `SIM_RUNS=100000`; a failure says how one of them is run again. */
const RUNS = Number(process.env.SIM_RUNS ?? 1000)
const FIRST_SEED = Number(process.env.SIM_SEED ?? 1)
/** Ends the faults after so many steps. */
const STEPS = Number(process.env.SIM_STEPS ?? 0)

describe('the simulated world', () => {
  it(`keeps every invariant through ${RUNS} schedules of faults`, async (context) => {
    const total =
      STEPS > 0
        ? await replay(FIRST_SEED, STEPS)
        : await runSeeds({ first: FIRST_SEED, count: RUNS })
    context.diagnostic(JSON.stringify(total))
    // A run in which nothing goes wrong, or nothing is achieved, proves nothing.
    if (RUNS < 100) return
    for (const [name, count] of Object.entries(total)) assert.ok(count > 0, name)
  })

  it('replays a seed step by step', async () => {
    assert.deepEqual(await simulate(optionsOf(8)), await simulate(optionsOf(8)))
  })
})
