import assert from 'node:assert/strict'
import type { ChaosProxy, ProxyMode } from './chaos-proxy.ts'
import { countOf, settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

const PART_COUNT = 10

/** Cuts worker-1 off, and nobody else, until the others have finished the job. */
async function withoutWorker1(scene: Scene, mode: ProxyMode, proxy: ChaosProxy): Promise<void> {
  const id = await scene.submit(await scene.makeSource(PART_COUNT * MIB))
  await scene.untilJob(id, ({ parts }) => parts.uploaded > 0, 'parts are recorded')
  const before = proxy.disturbedCount()
  proxy.set(mode)
  scene.fault(`worker-1 is cut off (${mode.type})`)
  await scene.untilJob(id, ({ state }) => state === 'archived', 'the other worker finishes')
  // Another job is taken by both again, once the network is back.
  const next = await scene.submit(await scene.makeSource(PART_COUNT * MIB))
  await scene.untilJob(next, ({ state }) => state === 'archived', 'the other worker goes on')
  assert.ok(proxy.disturbedCount() > before, 'nothing of worker-1 was disturbed')
  proxy.set({ type: 'pass' })
}

const fromGlacier: Scenario = {
  id: 'worker-cut-off-from-glacier',
  fault: 'one worker loses its network to Glacier, and to nothing else',
  outcome: 'its runs fail and are repeated, by the other worker too; archived',
  async run(scene) {
    await withoutWorker1(scene, { type: 'refuse' }, scene.world.loneGlacier)
    const jobs = await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), jobs.length, 'uploads were opened again')
  },
}

const fromRedis: Scenario = {
  id: 'worker-cut-off-from-redis',
  fault: 'one worker loses its network to Redis, and to nothing else',
  outcome: 'its locks are lost and its runs end; the other worker finishes the parts',
  async run(scene) {
    await withoutWorker1(scene, { type: 'hold' }, scene.world.loneRedis)
    const jobs = await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), jobs.length, 'uploads were opened again')
  },
}

export const networkScenarios: readonly Scenario[] = [fromGlacier, fromRedis]
