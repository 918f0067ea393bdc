import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertRefused, sendAgain, tryPost } from './outage.ts'
import { countOf, holdPart, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB } from './scene.ts'

const killed: Scenario = {
  id: 'redis-killed',
  fault: 'Redis is killed under load and starts again (appendfsync always)',
  outcome: 'nothing that was acknowledged is lost; everybody reconnects',
  async run(scene) {
    for (let index = 0; index < 3; index += 1) {
      await scene.submit(await scene.makeSource(6 * MIB + index))
    }
    for (let round = 0; round < 2; round += 1) {
      await scene.world.redis.kill('SIGKILL')
      scene.fault('SIGKILL redis')
      const post = await tryPost(scene, `${scene.vault} outage ${round}`)
      assertRefused(post)
      await scene.world.redis.restart()
      await sendAgain(scene, [post])
    }
    const jobs = await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), jobs.length, 'uploads were opened again')
  },
}

const frozen: Scenario = {
  id: 'redis-frozen',
  fault: 'Redis stops answering for longer than locks last, then goes on',
  outcome: 'the API says 503 within its deadline; what it could not tell turns out under its key',
  async run(scene) {
    await scene.submit(await scene.makeSource(8 * MIB))
    await scene.world.redis.kill('SIGSTOP')
    scene.fault('SIGSTOP redis')
    const post = await tryPost(scene, `${scene.vault} frozen`)
    assertRefused(post)
    await sleep(5_000)
    await scene.world.redis.kill('SIGCONT')
    await sendAgain(scene, [post])
    await settleArchived(scene)
  },
}

const flushed: Scenario = {
  id: 'redis-flushed',
  fault: 'Redis loses everything (FLUSHALL) in the middle of uploads',
  outcome: 'jobs are rebuilt from the journal; parts that Glacier holds are not uploaded again',
  async run(scene) {
    const done = await scene.submit(await scene.makeSource(2 * MIB))
    await scene.untilJob(done, ({ state }) => state === 'archived', 'the first is archived')
    const given = await scene.submit(await scene.makeSource(20 * MIB))
    await scene.user.command(given, 'cancel')
    await scene.settle()
    const before = countOf(scene, 'UploadPart')
    const held = holdPart(scene, before + 10)
    const id = await scene.submit(await scene.makeSource(16 * MIB))
    await held.reached
    scene.forgive()
    await scene.world.tellRedis('FLUSHALL')
    scene.fault('FLUSHALL')
    held.release()
    await scene.until(async () => (await scene.user.get(done))?.state === 'archived', 'it is known')
    const states = (await scene.settle()).map(({ state }) => state)
    assert.deepEqual(states, ['archived', 'cancelled', 'archived'])
    const sent = countOf(scene, 'UploadPart') - before
    // Parts in flight when Redis went, three in each worker, may be sent twice.
    assert.ok(sent <= 16 + 6, `${sent} parts were sent for 16 of job ${id}`)
  },
}

const flushedReplay: Scenario = {
  id: 'redis-flushed-replay',
  fault: 'Redis loses everything and the requests for all jobs are sent again at once',
  outcome: 'the same jobs; what had ended is not begun anew, what had not goes on',
  async run(scene) {
    const source = await scene.makeSource(6 * MIB + 3)
    const body = {
      vault: scene.vault,
      source: { type: 'file', path: source.path },
      partSize: MIB,
    } as const
    const keys = Array.from({ length: 5 }, (_, index) => `${scene.vault} ${index}`)
    const postAll = (some: readonly string[]) =>
      Promise.all(some.map((key) => scene.user.post(body, key)))
    for (const key of keys) scene.bind(key, source)
    await postAll(keys.slice(0, 3))
    await settleArchived(scene)
    const held = holdPart(scene, 3 * 7 + 3)
    await postAll(keys.slice(3))
    await held.reached
    scene.forgive()
    await scene.world.tellRedis('FLUSHALL')
    scene.fault('FLUSHALL')
    await postAll(keys)
    held.release()
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), keys.length)
  },
}

const full: Scenario = {
  id: 'redis-full',
  fault: 'Redis is out of memory (noeviction)',
  outcome: 'the API says 503 and accepts nothing by halves; all goes on once there is room',
  async run(scene) {
    await scene.submit(await scene.makeSource(6 * MIB))
    await scene.world.tellRedis('CONFIG', 'SET', 'maxmemory', '1mb')
    scene.fault('CONFIG SET maxmemory 1mb')
    const post = await tryPost(scene, `${scene.vault} full`)
    assertRefused(post)
    await sleep(1_000)
    await scene.world.tellRedis('CONFIG', 'SET', 'maxmemory', '0')
    await sendAgain(scene, [post])
    await settleArchived(scene)
  },
}

const cutOff: Scenario = {
  id: 'fleet-cut-off',
  fault: 'workers and finalizers are cut off from Redis without a word, for longer than locks last',
  outcome: 'their runs end by themselves; others or they finish the parts',
  async run(scene) {
    await scene.submit(await scene.makeSource(10 * MIB))
    scene.world.fleetRedis.set({ type: 'half-open' })
    scene.fault('half-open connections')
    await sleep(4_000)
    scene.world.fleetRedis.set({ type: 'pass' })
    await settleArchived(scene)
  },
}

const resets: Scenario = {
  id: 'redis-resets',
  fault: 'connections to Redis are reset again and again, then slow',
  outcome: 'calls are repeated or refused; every job ends',
  async run(scene) {
    const { fleetRedis, apiRedis } = scene.world
    await scene.submit(await scene.makeSource(6 * MIB))
    const post = await tryPost(scene, `${scene.vault} reset`)
    for (let round = 0; round < 3; round += 1) {
      fleetRedis.set({ type: 'reset-after', bytes: 2_000 + scene.dice.below(20_000) })
      apiRedis.set({ type: 'refuse' })
      scene.fault('resets')
      await sleep(300)
      fleetRedis.set({ type: 'latency', delayMs: 50 })
      apiRedis.set({ type: 'latency', delayMs: 50 })
      await sleep(300)
    }
    fleetRedis.set({ type: 'pass' })
    apiRedis.set({ type: 'pass' })
    await sendAgain(scene, [post])
    await settleArchived(scene)
  },
}

export const redisGroup: ScenarioGroup = {
  name: 'a Redis that dies, hangs, forgets or is full',
  scenarios: [killed, frozen, flushed, flushedReplay, full, cutOff, resets],
}
