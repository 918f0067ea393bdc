import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { pass, type Verdict } from './glacier-gate.ts'
import { countOf, first, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

/** Deadlines in seconds instead of minutes; what takes longer than one has nobody waiting for it. */
const REQUEST_TIMEOUT_MS = 2_000
const PART_TIMEOUT_MS = REQUEST_TIMEOUT_MS + 1_000
const COMPLETE_TIMEOUT_MS = 9_000
const LOCK_MS = 3_000
/** Parts that both workers have under way at once. */
const PARTS_AT_ONCE = 2 * 3

const everyCall = ['Initiate', 'UploadPart', 'ListParts', 'Complete']

/** Which calls of a scene a verdict of this type has struck. */
function struckBy(scene: Scene, type: Verdict['type']): readonly string[] {
  const struck = scene.records().filter(({ verdict }) => verdict === type)
  return [...new Set(struck.map(({ operation }) => operation))].sort()
}

const silent: Scenario = {
  id: 'glacier-silent',
  fault: 'Glacier carries out one call of each kind and never says so',
  outcome: 'each call ends by its own deadline and is repeated; one upload, one archive',
  async run(scene) {
    scene.rule(first(1, everyCall, { type: 'silence', isCommitted: true }))
    const id = await scene.submit(await scene.makeSource(MIB + 3))
    await scene.untilJob(id, ({ error }) => error?.code === 'GLACIER_TIMEOUT', 'it says why')
    await settleArchived(scene)
    assert.deepEqual(struckBy(scene, 'silence'), [...everyCall].sort())
    assert.equal(countOf(scene, 'Initiate'), 1, 'the upload was not adopted')
  },
}

const trickled: Scenario = {
  id: 'answer-trickles',
  fault: 'the answers to a part and to a list come byte by byte and never end',
  outcome: 'each call ends by its own deadline and is repeated; archived',
  async run(scene) {
    scene.rule(first(1, ['UploadPart', 'ListParts'], { type: 'trickle' }))
    await scene.submit(await scene.makeSource(2 * MIB))
    await settleArchived(scene)
    assert.deepEqual(struckBy(scene, 'trickle'), ['ListParts', 'UploadPart'])
  },
}

const sipped: Scenario = {
  id: 'body-trickles',
  fault: 'the body of a part goes out byte by byte',
  outcome: 'the call ends by the deadline of its size and is repeated; others go on; archived',
  async run(scene) {
    scene.rule(first(1, ['UploadPart'], { type: 'sip' }))
    await scene.submit(await scene.makeSource(6 * MIB), 4 * MIB)
    const other = await scene.submit(await scene.makeSource(2 * MIB))
    await scene.untilJob(other, ({ state }) => state === 'archived', 'others go on')
    await settleArchived(scene)
    assert.deepEqual(struckBy(scene, 'sip'), ['UploadPart'])
    assert.ok(countOf(scene, 'UploadPart') >= 4 + 1, 'the part was not sent again')
  },
}

const completeSlow: Scenario = {
  id: 'complete-slow',
  fault: 'Complete takes longer than locks last',
  outcome: 'the lock is renewed meanwhile; nobody sends another Complete beside it; archived',
  async run(scene) {
    scene.rule(first(1, ['Complete'], { type: 'late', ms: 2 * LOCK_MS + 500 }))
    await scene.submit(await scene.makeSource(2 * MIB))
    await settleArchived(scene)
    assert.equal(scene.world.gate.peak(scene.vault, 'Complete'), 1, 'two at once')
  },
}

/** Each of `jobCount` jobs of 8 parts is archived although Glacier is away for a while. */
function away(input: {
  readonly id: string
  readonly fault: string
  readonly outcome: string
  readonly leave: (scene: Scene) => Promise<void>
  readonly comeBack: (scene: Scene) => Promise<void>
}): Scenario {
  const { id, fault, outcome, leave, comeBack } = input
  return {
    ...{ id, fault, outcome },
    async run(scene) {
      const ids: string[] = []
      for (let index = 0; index < 4; index += 1) {
        ids.push(await scene.submit(await scene.makeSource(8 * MIB + index)))
      }
      await scene.until(() => countOf(scene, 'UploadPart') >= 6, 'parts are on their way')
      await leave(scene)
      scene.fault(fault)
      const awaySinceMs = Date.now()
      const isExplained = async (): Promise<boolean> => {
        const jobs = await Promise.all(ids.map((one) => scene.user.get(one)))
        return jobs.some((job) => /^GLACIER_(?:TIMEOUT|UNAVAILABLE)$/.test(job?.error?.code ?? ''))
      }
      await scene.until(isExplained, 'a job says why it waits')
      await sleep(PART_TIMEOUT_MS)
      await comeBack(scene)
      const backAtMs = Date.now()
      await settleArchived(scene)
      // Each request of the outage held one of few places for as long as it waited.
      const between = scene
        .records()
        .filter((one) => one.beganAtMs > awaySinceMs && one.atMs < backAtMs)
        .filter(({ operation }) => operation === 'UploadPart')
      const rounds = 1 + (backAtMs - awaySinceMs) / PART_TIMEOUT_MS
      assert.ok(between.length <= PARTS_AT_ONCE * rounds, `${between.length} parts were tried`)
      const peak = scene.world.gate.peak(scene.vault, 'UploadPart')
      assert.ok(peak <= PARTS_AT_ONCE, `${peak} parts at once`)
    },
  }
}

const refused = away({
  id: 'glacier-refuses-connections',
  fault: 'connections to Glacier are refused for a while',
  outcome: 'repeated with back-off; what comes back is no herd: never more parts at once; archived',
  leave: ({ world }) => world.gate.setOpen(false),
  comeBack: ({ world }) => world.gate.setOpen(true),
})

const blackHole = away({
  id: 'glacier-black-hole',
  fault: 'Glacier takes requests and answers none for a while',
  outcome: 'each call ends by its own deadline; never more parts at once; archived',
  async leave(scene) {
    scene.rule(async () => ({ type: 'silence', isCommitted: false }))
  },
  async comeBack(scene) {
    scene.rule(async () => pass)
  },
})

export const slowGroup: ScenarioGroup = {
  name: 'a Glacier that is slow or away',
  world: {
    env: {
      GLACIER_REQUEST_TIMEOUT_MS: String(REQUEST_TIMEOUT_MS),
      GLACIER_COMPLETE_TIMEOUT_MS: String(COMPLETE_TIMEOUT_MS),
      LOCK_DURATION_MS: String(LOCK_MS),
      RETRY_CAP_MS: '1000',
    },
  },
  scenarios: [silent, trickled, sipped, completeSlow, refused, blackHole],
}
