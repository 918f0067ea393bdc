import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { pass } from './glacier-gate.ts'
import { workerOutOfMemory } from './memory-scenario.ts'
import { networkScenarios } from './network-scenarios.ts'
import { rollingRestart } from './restart-scenario.ts'
import { countOf, holdPart, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

async function archivedUnderOneUpload(scene: Scene): Promise<void> {
  const jobs = await settleArchived(scene)
  assert.equal(countOf(scene, 'Initiate'), jobs.length, 'uploads were opened again')
}

const workerKilled: Scenario = {
  id: 'worker-killed',
  fault: 'a worker is killed with a part half-way',
  outcome: 'archived under the same upload; only parts in flight are sent again',
  async run(scene) {
    const held = holdPart(scene, 4)
    const id = await scene.submit(await scene.makeSource(12 * MIB))
    await held.reached
    for (const name of ['worker-1', 'worker-2']) {
      const pid = scene.world.signal(name, 'SIGKILL')
      scene.fault(`SIGKILL ${name}`)
      await scene.world.untilBack(name, pid)
    }
    held.release()
    await archivedUnderOneUpload(scene)
    const sent = countOf(scene, 'UploadPart')
    // Three parts at once in each of two workers.
    assert.ok(sent <= 12 + 6, `${sent} parts were sent for 12 of job ${id}`)
  },
}

const workerFrozen: Scenario = {
  id: 'worker-frozen',
  fault: 'a worker stops past its locks, others finish its parts, then it goes on',
  outcome: 'archived once; its late uploads and records change nothing',
  async run(scene) {
    const held = holdPart(scene, 3)
    const id = await scene.submit(await scene.makeSource(10 * MIB))
    await held.reached
    scene.world.signal('worker-1', 'SIGSTOP')
    scene.fault('SIGSTOP worker-1')
    held.release()
    await scene.untilJob(id, ({ state }) => state === 'archived', 'the other worker finishes')
    scene.world.signal('worker-1', 'SIGCONT')
    scene.fault('SIGCONT worker-1')
    const second = await scene.submit(await scene.makeSource(2 * MIB))
    await scene.untilJob(second, ({ state }) => state === 'archived', 'life goes on')
    await archivedUnderOneUpload(scene)
  },
}

function finalizerKilled(when: 'before' | 'after'): Scenario {
  return {
    id: `finalizer-killed-${when}-complete`,
    fault: `the finalizer is killed ${when === 'before' ? 'before Glacier gets Complete' : 'after Glacier carried out Complete, before the answer'}`,
    outcome: 'the same archive, once, under the id that Glacier gave',
    async run(scene) {
      const killAll = async (): Promise<void> => {
        for (const name of ['finalizer', 'finalizer-2']) {
          scene.world.signal(name, 'SIGKILL')
          scene.fault(`SIGKILL ${name}`)
        }
      }
      scene.rule(async ({ operation, number }) => {
        if (operation !== 'Complete' || number > 2) return pass
        if (when === 'after') return { type: 'commit-then-reset', committed: killAll }
        await killAll()
        return { type: 'reset', when: 'headers' }
      })
      await scene.submit(await scene.makeSource(3 * MIB + 17))
      await archivedUnderOneUpload(scene)
    },
  }
}

const finalizerFrozen: Scenario = {
  id: 'finalizer-frozen',
  fault: 'a finalizer stops with Complete on its way, another completes, then it goes on',
  outcome: 'one archive; the Complete that comes late changes nothing',
  async run(scene) {
    const { world } = scene
    const reached = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    // With the other one stopped it is known whose the first Complete is.
    world.signal('finalizer-2', 'SIGSTOP')
    scene.rule(async ({ operation, number }) => {
      if (operation !== 'Complete' || number > 1) return pass
      reached.resolve()
      await released.promise
      return { type: 'commit-then-reset' }
    })
    const id = await scene.submit(await scene.makeSource(3 * MIB + 5))
    await reached.promise
    world.signal('finalizer', 'SIGSTOP')
    scene.fault('SIGSTOP finalizer')
    world.signal('finalizer-2', 'SIGCONT')
    const first = await scene.untilJob(id, ({ state }) => state === 'archived', 'the other ends it')
    released.resolve()
    await scene.until(() => countOf(scene, 'Complete') === 2, 'Glacier gets the first Complete')
    world.signal('finalizer', 'SIGCONT')
    scene.fault('SIGCONT finalizer')
    const second = await scene.submit(await scene.makeSource(2 * MIB))
    await scene.untilJob(second, ({ state }) => state === 'archived', 'life goes on')
    await archivedUnderOneUpload(scene)
    assert.equal((await scene.user.get(id))?.archiveId, first.archiveId)
  },
}

const apiKilled: Scenario = {
  id: 'api-killed',
  fault: 'the API is killed while it accepts 20 jobs whose requests are sent again',
  outcome: 'each key has one job, and each job one archive',
  async run(scene) {
    const source = await scene.makeSource(MIB + 1)
    const body = {
      vault: scene.vault,
      source: { type: 'file', path: source.path },
      partSize: MIB,
    } as const
    const keys = Array.from({ length: 20 }, (_, index) => `${scene.vault} ${index}`)
    for (const key of keys) scene.bind(key, source)
    const sendAll = () => Promise.all(keys.map((key) => scene.user.post(body, key)))
    for (const delayMs of [5, 20, 60]) {
      const sent = sendAll()
      await sleep(delayMs)
      const pid = scene.world.signal('api', 'SIGKILL')
      scene.fault('SIGKILL api')
      await sent
      await scene.world.untilBack('api', pid)
    }
    const last = await sendAll()
    assert.deepEqual(new Set(last.map(({ type }) => type)), new Set(['accepted']))
    await settleArchived(scene)
  },
}

export const processGroup: ScenarioGroup = {
  name: 'processes that die, stop and restart',
  scenarios: [
    workerKilled,
    workerFrozen,
    finalizerKilled('before'),
    finalizerKilled('after'),
    apiKilled,
    finalizerFrozen,
    rollingRestart,
    workerOutOfMemory,
    ...networkScenarios,
  ],
}
