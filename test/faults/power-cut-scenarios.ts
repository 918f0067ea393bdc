import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { countLost, writeMarkers } from './markers.ts'
import { settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'
import type { PowerDisk } from './small-disks.ts'

/** A cut right after an fsync loses nothing and shows nothing: then there is another one. */
const CUTS_MAX = 5

/** On a disk that can lose its power; see `power-cut.test.ts`. */
export function powerCuts(mounted: () => PowerDisk): readonly Scenario[] {
  return [
    {
      id: 'redis-power-cut-always',
      fault: 'the power of Redis fails under load (appendfsync always)',
      outcome: 'nothing that was acknowledged is lost; everybody reconnects',
      async run(scene) {
        assert.equal(await cutUnderLoad(scene, mounted()), 0, 'acknowledged writes were lost')
        await settleArchived(scene)
      },
    },
    {
      id: 'redis-power-cut-everysec',
      fault:
        'the power of Redis fails under load, and what it said last is lost (appendfsync everysec)',
      outcome: 'the journal and Glacier know what Redis forgot: nothing lost, nothing twice',
      async run(scene) {
        scene.forgiveRollback()
        for (let cuts = 0, lost = 0; lost === 0; cuts += 1) {
          assert.ok(cuts < CUTS_MAX, 'VOID: no power cut lost anything')
          await scene.world.tellRedis('CONFIG', 'SET', 'appendfsync', 'everysec')
          lost = await cutUnderLoad(scene, mounted())
        }
        await settleArchived(scene)
      },
    },
  ]
}

/** Jobs at every stage, and more of them until the very end. Returns how much Redis lost. */
async function cutUnderLoad(scene: Scene, disk: PowerDisk): Promise<number> {
  const { redis } = scene.world
  for (let index = 0; index < 3; index += 1) {
    await scene.submit(await scene.makeSource(12 * MIB + index))
  }
  using load = startPosting(scene)
  const markers = await writeMarkers(redis.port)
  await scene.until(() => markers.acknowledgedCount() > 200, 'Redis is written to')
  // Somewhere between two fsyncs, which are a second apart.
  await sleep(500 + scene.dice.below(1_500))
  const cut = await disk.armCut()
  // What comes after this was acknowledged by a Redis without power.
  const acknowledgedCount = markers.acknowledgedCount()
  await cut()
  scene.fault('power cut')
  await redis.kill('SIGKILL')
  await markers.stop()
  disk.mountAgain()
  await redis.restart()
  await load.stop()
  return await countLost(redis.port, acknowledgedCount)
}

/** Posts one small job after the other; each is accepted in the end. */
function startPosting(scene: Scene) {
  let isOver = false
  const post = async (): Promise<void> => {
    while (!isOver) {
      await scene.submit(await scene.makeSource(MIB + scene.dice.below(MIB)))
      await sleep(100)
    }
  }
  const posting = post()
  posting.catch(() => {})
  return {
    async stop() {
      isOver = true
      await posting
    },
    [Symbol.dispose]() {
      isOver = true
    },
  }
}
