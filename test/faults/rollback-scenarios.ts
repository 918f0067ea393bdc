import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import type { Command } from './api-user.ts'
import { pass } from './glacier-gate.ts'
import { copyRedis, tearAof } from './redis-copy.ts'
import { settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

const STATUS_CONFLICT = 409
const STATUS_UNAVAILABLE = 503

const tornAof: Scenario = {
  id: 'redis-torn-aof',
  fault: 'Redis is killed under load, and the end of its append-only file is torn off',
  outcome: 'the journal and Glacier know what Redis forgot: nothing lost, nothing twice',
  async run(scene) {
    const { redis } = scene.world
    scene.forgiveRollback()
    for (let round = 0; round < 2; round += 1) {
      const id = await scene.submit(await scene.makeSource(8 * MIB + round))
      await scene.submit(await scene.makeSource(2 * MIB))
      await scene.untilJob(id, ({ parts }) => parts.uploaded > 2, 'parts are recorded')
      await redis.kill('SIGKILL')
      const bytes = await tearAof(redis, 1 + scene.dice.below(60_000))
      scene.fault(`SIGKILL redis, ${bytes} bytes torn off`)
      await redis.restart()
    }
    await settleArchived(scene)
  },
}

/** Every upload stands still with some of its parts, until it is released. */
function holdUploads(scene: Scene) {
  const released = Promise.withResolvers<void>()
  let isHeld = true
  scene.rule(async ({ operation, range }) =>
    isHeld && operation === 'UploadPart' && range !== null && range.first >= 2 * MIB
      ? { type: 'hang', until: released.promise }
      : pass,
  )
  return () => {
    isHeld = false
    released.resolve()
  }
}

/** Asks until there is an answer to the matter. */
async function ask(scene: Scene, id: string, command: Command): Promise<number> {
  let status = 0
  await scene.until(async () => {
    status = await scene.user.command(id, command)
    return status !== 0 && status !== STATUS_UNAVAILABLE
  }, `${command} is answered`)
  return status
}

const rolledBack: Scenario = {
  id: 'redis-rolled-back',
  fault:
    'Redis comes back as it was before jobs were accepted, cancelled, retried, failed and archived',
  outcome: 'each job ends as it had ended; none is begun anew, none is cancelled that is archived',
  async run(scene) {
    const { user, world } = scene
    const isIn = (id: string, state: string) =>
      scene.untilJob(id, (job) => job.state === state, `${id} is ${state}`)
    const retriedSource = await scene.makeSource(MIB)
    await rename(retriedSource.path, `${retriedSource.path}.away`)
    const retried = await scene.submit(retriedSource)
    await isIn(retried, 'failed')
    const release = holdUploads(scene)
    const failingSource = await scene.makeSource(3 * MIB)
    const failing = await scene.submit(failingSource)
    const [plain, cancelled, paused] = [
      await scene.submit(await scene.makeSource(3 * MIB + 1)),
      await scene.submit(await scene.makeSource(3 * MIB + 2)),
      await scene.submit(await scene.makeSource(3 * MIB + 3)),
    ]
    for (const id of [failing, plain, cancelled, paused]) await isIn(id, 'uploading')
    assert.equal(await user.command(paused, 'pause'), 202)
    const { rollBack } = await copyRedis(world.redis)

    await rename(`${retriedSource.path}.away`, retriedSource.path)
    await rename(failingSource.path, `${failingSource.path}.away`)
    assert.equal(await user.command(retried, 'retry'), 202)
    assert.equal(await user.command(cancelled, 'cancel'), 202)
    assert.equal(await user.command(paused, 'resume'), 202)
    release()
    const late = await scene.submit(await scene.makeSource(MIB + 4))
    await isIn(failing, 'failed')
    for (const id of [plain, paused, retried, late]) await isIn(id, 'archived')
    await scene.settle()

    scene.forgiveRollback()
    await rollBack()
    scene.fault('Redis is as it was')
    assert.equal(await ask(scene, plain, 'cancel'), STATUS_CONFLICT)
    assert.equal(await ask(scene, retried, 'cancel'), STATUS_CONFLICT)
    assert.equal(await ask(scene, cancelled, 'retry'), STATUS_CONFLICT)
    const ends = [
      [failing, 'failed'],
      [cancelled, 'cancelled'],
      ...[plain, paused, retried, late].map((id) => [id, 'archived'] as const),
    ] as const
    for (const [id, state] of ends) await isIn(id, state)
  },
}

const flushedAtComplete: Scenario = {
  id: 'redis-flushed-at-complete',
  fault:
    'Redis loses everything and all finalizers are killed, just before Glacier carries out Complete, then just after',
  outcome: 'the journal knows the intent: the same archive, once, under the id that Glacier gave',
  async run(scene) {
    const { world } = scene
    const strike = async (): Promise<void> => {
      await world.tellRedis('FLUSHALL')
      for (const name of ['finalizer', 'finalizer-2']) world.signal(name, 'SIGKILL')
      scene.fault('FLUSHALL, SIGKILL of the finalizers')
    }
    scene.forgive()
    for (const when of ['before', 'after'] as const) {
      let hasStruck = false
      scene.rule(async ({ operation }) => {
        if (operation !== 'Complete' || hasStruck) return pass
        hasStruck = true
        if (when === 'after') return { type: 'commit-then-reset', committed: strike }
        await strike()
        return { type: 'reset', when: 'headers' }
      })
      await scene.submit(await scene.makeSource(3 * MIB + 9))
      await settleArchived(scene)
    }
  },
}

export const rollbackScenarios: readonly Scenario[] = [tornAof, rolledBack, flushedAtComplete]
