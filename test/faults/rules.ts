import assert from 'node:assert/strict'
import type { Job } from './api-user.ts'
import { type CannedAnswer, pass, type Rule, type Verdict } from './glacier-gate.ts'
import type { Scene } from './scene.ts'

/** The first `count` requests of each of these operations meet the verdict. */
export function first(count: number, operations: readonly string[], verdict: Verdict): Rule {
  return async (call) =>
    operations.includes(call.operation) && call.number <= count ? verdict : pass
}

/** Glacier's error in its own words. */
export function glacierError(status: number, code: string, message: string): CannedAnswer {
  return { status, body: JSON.stringify({ code, message, type: 'Server' }) }
}

/** Every job of the scene ends as an archive. */
export async function settleArchived(scene: Scene): Promise<readonly Job[]> {
  const jobs = await scene.settle()
  for (const job of jobs) assert.equal(job.state, 'archived', JSON.stringify(job.error))
  return jobs
}

export function countOf(scene: Scene, operation: string): number {
  return scene.records().filter((record) => record.operation === operation).length
}

/** The next part from the `number`th on hangs; `release` resets its connection. */
export function holdPart(scene: Scene, number: number) {
  const reached = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let isHeld = false
  scene.rule(async (call) => {
    if (isHeld || call.operation !== 'UploadPart' || call.number < number) return pass
    isHeld = true
    reached.resolve()
    return { type: 'hang', until: released.promise }
  })
  return { reached: reached.promise, release: () => released.resolve() }
}
