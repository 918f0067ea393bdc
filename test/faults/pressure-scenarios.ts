import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pass } from './glacier-gate.ts'
import { glacierError, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB } from './scene.ts'

const poison: Scenario = {
  id: 'poison-part',
  fault: 'one part of a job fails for ever',
  outcome: 'capped: failed with its last error, the rest kept; a retry sends only what is missing',
  async run(scene) {
    let isPoisoned = true
    const answer = glacierError(500, 'InternalServerError', 'poison')
    scene.rule(async ({ range }) =>
      isPoisoned && range?.first === 2 * MIB ? { type: 'answer', answer } : pass,
    )
    const other = await scene.submit(await scene.makeSource(2 * MIB))
    const id = await scene.submit(await scene.makeSource(6 * MIB))
    await scene.untilJob(other, ({ state }) => state === 'archived', 'others go on')
    const failed = await scene.untilJob(id, ({ state }) => state === 'failed', 'it is given up')
    assert.equal(failed.error?.code, 'GLACIER_UNAVAILABLE')
    assert.equal(failed.error?.retryable, true)
    isPoisoned = false
    const before = scene.records().length
    assert.equal(await scene.user.command(id, 'retry'), 202)
    const [, job] = await settleArchived(scene)
    assert.equal(job?.uploadId, failed.uploadId)
    const sent = scene
      .records()
      .slice(before)
      .filter(({ operation }) => operation === 'UploadPart')
    assert.ok(sent.length <= 6 - failed.parts.uploaded, `${sent.length} parts were sent again`)
  },
}

/** On a file system of 24 MiB; see `pressure.test.ts`. */
export function diskFull(directory: string): Scenario {
  return {
    id: 'vault-disk-full',
    fault: 'the disk of the vault is full, until there is room again',
    outcome: 'nothing half-written counts; parts are repeated; archived',
    async run(scene) {
      const ballast = join(directory, 'ballast')
      await writeFile(ballast, Buffer.alloc(20 * MIB))
      scene.fault('the disk is full')
      const id = await scene.submit(await scene.makeSource(6 * MIB))
      await scene.untilJob(id, ({ error }) => error !== null, 'it says why it waits')
      await rm(ballast)
      await settleArchived(scene)
    },
  }
}

export const pressureGroup: ScenarioGroup = {
  name: 'parts that never succeed',
  world: { env: { RETRY_OUTAGE_RUNS: '4', RETRY_CAP_MS: '400' } },
  scenarios: [poison],
}
