import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { pass } from './glacier-gate.ts'
import { countOf, first, glacierError, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

function lost(operation: string, outcome: string, initiates: number): Scenario {
  return {
    id: `lost-answer-${operation.toLowerCase()}`,
    fault: `Glacier carries out ${operation}, and the answer is lost`,
    outcome,
    async run(scene) {
      scene.rule(first(2, [operation], { type: 'commit-then-reset' }))
      await scene.submit(await scene.makeSource(4 * MIB + 1))
      await settleArchived(scene)
      assert.equal(countOf(scene, 'Initiate'), initiates)
    },
  }
}

const lostAbort: Scenario = {
  id: 'lost-answer-abort',
  fault: 'a job is cancelled, Glacier carries out Abort, and the answer is lost',
  outcome: 'cancelled; no upload and no archive is left',
  async run(scene) {
    scene.rule(first(1, ['Abort'], { type: 'commit-then-reset' }))
    const id = await scene.submit(await scene.makeSource(16 * MIB))
    await scene.untilJob(id, ({ parts }) => parts.uploaded > 0, 'parts are uploaded')
    assert.equal(await scene.user.command(id, 'cancel'), 202)
    await scene.until(() => countOf(scene, 'Abort') > 0, 'the upload is aborted')
    const [job] = await scene.settle()
    assert.equal(job?.state, 'cancelled')
  },
}

/** Each Complete is answered as by a Glacier that has forgotten the upload. */
async function goneOnComplete(scene: Scene, isCommitted: boolean): Promise<string> {
  scene.rule(async ({ operation, uploadId, number }) => {
    if (operation !== 'Complete') return pass
    if (number === 1 && isCommitted) return { type: 'commit-then-reset' }
    if (number === 1 && uploadId !== null) await scene.glacier.abort(scene.vault, uploadId)
    const message = `The upload ID was not found: ${uploadId}`
    return { type: 'answer', answer: glacierError(404, 'ResourceNotFoundException', message) }
  })
  return await scene.submit(await scene.makeSource(2 * MIB + 9))
}

const doubted: Scenario = {
  id: 'complete-doubted',
  fault: 'the answer to Complete is lost, and Glacier does not repeat it later',
  outcome: 'reconciling, until the inventory shows the archive by its marker and size',
  async run(scene) {
    await goneOnComplete(scene, true)
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1, 'it was uploaded again')
  },
}

const refuted: Scenario = {
  id: 'complete-refuted',
  fault: 'Complete never reaches Glacier, which forgets the upload meanwhile',
  outcome: 'reconciling, until an inventory newer than the doubt shows nothing; then once more',
  async run(scene) {
    const id = await goneOnComplete(scene, false)
    await scene.untilJob(id, ({ state }) => state === 'reconciling', 'it is not known')
    assert.equal(countOf(scene, 'Initiate'), 1, 'it was uploaded again before anything was known')
    // On a quiet vault no newer inventory would come.
    scene.rule(null)
    scene.forgive()
    // Inventories are dated in whole seconds: one of the doubt's own second proves nothing yet.
    await delay(1500)
    await scene.submit(await scene.makeSource(MIB))
    await scene.untilJob(id, ({ state }) => state !== 'reconciling', 'the inventory proves it')
    await settleArchived(scene)
  },
}

const noArchiveId: Scenario = {
  id: 'complete-cut-short',
  fault: 'Complete is answered with 201 and no archive id',
  outcome: 'taken for unknown and asked again; archived',
  async run(scene) {
    scene.rule(first(2, ['Complete'], { type: 'answer', answer: { status: 201, body: '{}' } }))
    await scene.submit(await scene.makeSource(MIB))
    await settleArchived(scene)
  },
}

const refused: Scenario = {
  id: 'complete-refused',
  fault: 'Glacier refuses Complete because of a hash that differs, once',
  outcome: 'the parts are compared once more; the intent stays; archived under the same upload',
  async run(scene) {
    const answer = glacierError(
      400,
      'InvalidParameterValueException',
      'Checksum mismatch: expected 0',
    )
    let isDone = false
    scene.rule(async ({ operation, uploadId }) => {
      if (operation !== 'Complete' || isDone || uploadId === null) return pass
      isDone = true
      await scene.glacier.overwrite(scene.vault, { uploadId, first: 0, bytes: Buffer.alloc(MIB) })
      return { type: 'answer', answer }
    })
    scene.forgive()
    await scene.submit(await scene.makeSource(2 * MIB))
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1)
  },
}

const refusedLate: Scenario = {
  id: 'complete-refused-late',
  fault: 'Complete is refused, and then a late repetition of it is carried out unseen',
  outcome: 'the intent is still known, so the upload that is gone is not begun anew; archived',
  async run(scene) {
    const message = 'Checksum mismatch: expected 0'
    const answer = glacierError(400, 'InvalidParameterValueException', message)
    scene.rule(first(1, ['Complete'], { type: 'commit-then-answer', answer }))
    scene.forgive()
    await scene.submit(await scene.makeSource(2 * MIB))
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1, 'it was uploaded again')
  },
}

const orphanSpared: Scenario = {
  id: 'orphan-spared',
  fault: 'the answer to Initiate is lost, and the job is paused past the grace of orphans',
  outcome: 'the upload is left for the job, which adopts it when it is resumed',
  async run(scene) {
    const source = await scene.makeSource(2 * MIB)
    const accepted = Promise.withResolvers<string>()
    scene.rule(async ({ operation, number }) => {
      if (operation !== 'Initiate' || number > 1) return pass
      const committed = async (): Promise<void> => {
        await scene.user.command(await accepted.promise, 'pause')
      }
      return { type: 'commit-then-reset', committed }
    })
    const id = await scene.submit(source)
    accepted.resolve(id)
    await scene.untilJob(id, ({ state }) => state === 'paused', 'it is paused')
    // Grace and interval are a second each: looked at again and again by both finalizers.
    const looks = countOf(scene, 'ListUploads') + 8
    await scene.until(() => countOf(scene, 'ListUploads') >= looks, 'orphans are looked for')
    await scene.user.command(id, 'resume')
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1, 'the upload was not adopted')
  },
}

export const answerGroup: ScenarioGroup = {
  name: 'answers that are lost',
  scenarios: [
    lost('Initiate', 'the upload that was opened is adopted by its marker; archived', 1),
    lost('UploadPart', 'the part is sent again; archived', 1),
    lost('Complete', 'Complete is repeated and gives the same archive', 1),
    ...[lostAbort, doubted, refuted, noArchiveId, refused, refusedLate, orphanSpared],
  ],
}
