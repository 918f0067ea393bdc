import assert from 'node:assert/strict'
import { parentPort } from 'node:worker_threads'
import { optionsOf, type SeedRange, type SeedResult } from './run-seeds.ts'
import { simulate } from './world.ts'

/** One thread of {@link runSeeds}: simulates the seeds it is told to, up to the first that fails. */
assert.ok(parentPort, 'started as a thread')
const port = parentPort
port.on('message', (range: SeedRange) => {
  simulateRange(range).then(
    (result) => port.postMessage(result),
    (error: unknown) => {
      throw error
    },
  )
})

async function simulateRange({ first, count }: SeedRange): Promise<SeedResult> {
  const total = { steps: 0, faults: 0, archived: 0, failed: 0, cancelled: 0 }
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      const report = await simulate(optionsOf(seed))
      total.steps += report.steps
      total.faults += report.faults
      total.archived += report.archived
      total.failed += report.failed
      total.cancelled += report.cancelled
    } catch {
      return { total, failedSeed: seed }
    }
  }
  return { total, failedSeed: null }
}
