import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertRefused, assertUnavailable, sendAgain, type TriedPost, tryPost } from './outage.ts'
import { settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB } from './scene.ts'

const HALF_MS = 30_000

const away: Scenario = {
  id: 'redis-away-60s',
  fault: 'Redis is away for a minute: it says nothing, then it is not there',
  outcome: 'the API says 503 with Retry-After, soon, all along; processes stay up; every job ends',
  async run(scene) {
    const { world } = scene
    const id = await scene.submit(await scene.makeSource(8 * MIB))
    await scene.submit(await scene.makeSource(8 * MIB))
    await scene.untilJob(id, ({ parts }) => parts.uploaded > 0, 'parts are recorded')
    const posts: TriedPost[] = []
    const refuseFor = async (ms: number): Promise<void> => {
      for (const endsAtMs = Date.now() + ms; Date.now() < endsAtMs; await sleep(1_000)) {
        const post = await tryPost(scene, `${scene.vault} away ${posts.length}`)
        posts.push(post)
        assertRefused(post)
        await assertUnavailable(scene, `/v1/jobs/${id}`)
        assert.equal((await scene.user.ask('/readyz')).status, 503)
        assert.equal((await scene.user.ask('/healthz')).status, 200)
      }
    }
    for (const proxy of [world.apiRedis, world.fleetRedis]) proxy.set({ type: 'hold' })
    scene.fault('Redis says nothing')
    await refuseFor(HALF_MS)
    await world.redis.kill('SIGKILL')
    for (const proxy of [world.apiRedis, world.fleetRedis]) proxy.set({ type: 'pass' })
    scene.fault('SIGKILL redis')
    await refuseFor(HALF_MS)
    await world.redis.restart()
    await sendAgain(scene, posts)
    await settleArchived(scene)
    for (const { name, restarts } of world.stack.processes()) {
      assert.equal(restarts, 0, `${name} was started again`)
    }
  },
}

export const outageGroup: ScenarioGroup = { name: 'a Redis that is away', scenarios: [away] }
