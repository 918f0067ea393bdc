import assert from 'node:assert/strict'
import { pass } from './glacier-gate.ts'
import { countOf, glacierError, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

const HOUR_MS = 3600 * 1000

/** How often Glacier took each part, by the first byte of its range. */
function takenByPart(scene: Scene): ReadonlyMap<number, number> {
  const taken = new Map<number, number>()
  for (const { operation, range, status } of scene.records()) {
    if (operation !== 'UploadPart' || status !== 204 || range === null) continue
    taken.set(range.first, (taken.get(range.first) ?? 0) + 1)
  }
  return taken
}

/** First bytes of the parts that Glacier took more than once. */
function repeatedParts(scene: Scene): readonly number[] {
  return [...takenByPart(scene)].flatMap(([first, count]) => (count > 1 ? first : []))
}

/** Times that a part was sent again. */
function keptCount(scene: Scene): number {
  return [...takenByPart(scene).values()].reduce((sum, count) => sum + count - 1, 0)
}

const keptAlive: Scenario = {
  id: 'upload-kept-alive',
  fault: 'a job is paused for more than a day',
  outcome: 'one recorded part is sent again from time to time; resumed under the same upload',
  async run(scene) {
    const id = await scene.submit(await scene.makeSource(12 * MIB + 5))
    await scene.untilJob(id, ({ parts }) => parts.uploaded > 1, 'parts are uploaded')
    assert.equal(await scene.user.command(id, 'pause'), 202)
    const { uploadId } = await scene.untilJob(id, ({ state }) => state === 'paused', 'it is paused')
    for (let turn = 1; turn <= 3; turn += 1) {
      const before = keptCount(scene)
      await scene.until(() => keptCount(scene) > before, 'the upload is kept alive')
      scene.fault('ten hours pass')
      await scene.world.advanceClock(10 * HOUR_MS)
    }
    const touched = repeatedParts(scene)
    assert.equal(touched.length, 1, `sent again: ${JSON.stringify(touched)}`)
    assert.equal(await scene.user.command(id, 'resume'), 202)
    const [job] = await settleArchived(scene)
    assert.equal(job?.uploadId, uploadId)
    assert.deepEqual(repeatedParts(scene), touched, 'a part was uploaded twice')
    assert.equal(countOf(scene, 'Initiate'), 1)
  },
}

const quietVault: Scenario = {
  id: 'vault-quiet',
  fault: 'Complete never reaches Glacier, which forgets the upload, and the vault is at rest',
  outcome: 'reconciling, and the job says that it needs an operator; any change settles it',
  async run(scene) {
    await scene.glacier.archiveOfOthers(scene.vault)
    scene.rule(async ({ operation, uploadId, number }) => {
      if (operation !== 'Complete') return pass
      if (number === 1 && uploadId !== null) await scene.glacier.abort(scene.vault, uploadId)
      const message = `The upload ID was not found: ${uploadId}`
      return { type: 'answer', answer: glacierError(404, 'ResourceNotFoundException', message) }
    })
    scene.forgive()
    const id = await scene.submit(await scene.makeSource(2 * MIB))
    const needsOperator = await scene.untilJob(
      id,
      ({ error }) => error?.code === 'OUTCOME_NEEDS_OPERATOR',
      'it asks for an operator',
    )
    assert.equal(needsOperator.state, 'reconciling')
    assert.match(needsOperator.error?.message ?? '', /Upload any small archive to the vault/)
    await scene.until(async () => (await doubtAge(scene)) > 0, 'the metric tells')
    assert.equal(countOf(scene, 'Initiate'), 1, 'it was uploaded again without proof')
    assert.ok(countOf(scene, 'InitiateJob') <= 1, 'an inventory was asked for that cannot be new')
    scene.rule(null)
    await scene.glacier.archiveOfOthers(scene.vault)
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 2)
  },
}

/** As the finalizer tells it that keeps house; the others say nothing of it. */
async function doubtAge({ world }: Scene): Promise<number> {
  const finalizers = world.stack.processes().filter(({ name }) => name.startsWith('finalizer'))
  const ages = finalizers.map(async ({ url }) => {
    const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text())
    return Number(/^firn_doubt_age_seconds (\S+)$/m.exec(metrics)?.[1] ?? 0)
  })
  return Math.max(...(await Promise.all(ages)))
}

export const idleGroup: ScenarioGroup = {
  name: 'uploads and vaults at rest',
  world: {
    env: {
      UPLOAD_KEEPALIVE_MS: '1500',
      INVENTORY_PATIENCE_MS: '2000',
      // Dates of inventories are whole seconds: nothing taken within one proves anything.
      INVENTORY_MARGIN_MS: '1000',
    },
  },
  // The other one leaves Glacier's clock days ahead: no inventory proves anything from then on.
  scenarios: [quietVault, keptAlive],
}
