import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { pass } from './glacier-gate.ts'
import { glacierError, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

/** Workers that a part may kill before it counts as poison; 50 unless it is set. */
const CUT_MAX = 3

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

const Parts = z.object({
  items: z.array(z.object({ index: z.number(), worker: z.string().nullable() })),
})

/** The worker that sent the part, by the pid in its name. */
async function killWorkerOf(scene: Scene, jobId: string, index: number): Promise<void> {
  const { text } = await scene.user.ask(`/v1/jobs/${jobId}/parts`)
  const part = Parts.parse(JSON.parse(text)).items.find((one) => one.index === index)
  const pid = Number(part?.worker?.split(':')[1])
  const { processes } = scene.world.stack
  const found = processes().find((one) => one.kind === 'worker' && one.pid === pid)
  if (found === undefined) return
  process.kill(pid, 'SIGKILL')
  scene.fault(`SIGKILL ${found.name}`)
}

const deadly: Scenario = {
  id: 'poison-worker',
  fault: 'one part of a job kills the process of its worker each time',
  outcome: 'capped: failed with POISON; others go on; retried once it is harmless, it is archived',
  async run(scene) {
    let isDeadly = true
    const submitted = Promise.withResolvers<string>()
    scene.rule(async ({ operation, range }) => {
      const isMeant = operation === 'UploadPart' && range?.first === 2 * MIB
      if (!isDeadly || !isMeant) return pass
      await killWorkerOf(scene, await submitted.promise, 2)
      return { type: 'reset', when: 'headers' }
    })
    const id = await scene.submit(await scene.makeSource(4 * MIB))
    submitted.resolve(id)
    const other = await scene.submit(await scene.makeSource(2 * MIB))
    const failed = await scene.untilJob(id, ({ state }) => state === 'failed', 'it is given up')
    assert.equal(failed.error?.code, 'POISON')
    assert.match(failed.error?.message ?? '', /it may kill its process/)
    assert.equal(scene.faultCount(), CUT_MAX, 'workers killed')
    await scene.untilJob(other, ({ state }) => state === 'archived', 'others go on')
    isDeadly = false
    assert.equal(await scene.user.command(id, 'retry'), 202)
    const [job] = await settleArchived(scene)
    assert.equal(job?.uploadId, failed.uploadId)
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

/** One part at a time: what runs beside a part that kills its worker is cut off with it. */
export const deadlyGroup: ScenarioGroup = {
  name: 'parts that kill',
  world: { env: { WORKER_CONCURRENCY: '1', RETRY_CUT_RUNS: String(CUT_MAX) } },
  scenarios: [deadly],
}
