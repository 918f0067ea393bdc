import assert from 'node:assert/strict'
import { countLost, writeMarkers } from './markers.ts'
import { settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB } from './scene.ts'
import type { Sentinels } from './sentinels.ts'

/** In a world whose Redis these Sentinels look after; see `failover.test.ts`. */
export function failedOver(opened: () => Sentinels): Scenario {
  return {
    id: 'redis-failed-over',
    fault:
      'the primary dies under load, and Sentinel promotes a replica that had not got its latest writes',
    outcome: 'everybody finds the new primary; nothing lost, nothing twice',
    async run(scene) {
      const sentinels = opened()
      const { primary, replica, link } = sentinels
      const early = await scene.submit(await scene.makeSource(24 * MIB))
      await scene.untilJob(early, ({ parts }) => parts.uploaded > 2, 'parts are recorded')
      scene.forgiveRollback()
      link.set({ type: 'hold' })
      scene.fault('the replica gets nothing more')
      const markers = await writeMarkers(primary.port)
      const late = await scene.submit(await scene.makeSource(2 * MIB))
      await scene.untilJob(
        late,
        ({ state }) => state === 'archived',
        'one comes and ends meanwhile',
      )
      await scene.submit(await scene.makeSource(4 * MIB))
      const acknowledgedCount = markers.acknowledgedCount()
      assert.ok(acknowledgedCount > 0)
      await primary.kill('SIGKILL')
      scene.fault('SIGKILL of the primary')
      // What the link holds never arrives.
      link.set({ type: 'refuse' })
      await markers.stop()
      await sentinels.untilPromoted()
      assert.equal(await countLost(replica.port, acknowledgedCount), acknowledgedCount, 'VOID')
      // It knows more than its successor, and is told that nobody wants to know.
      await primary.restart()
      await settleArchived(scene)
      for (const { name, restarts } of scene.world.stack.processes()) {
        assert.equal(restarts, 0, `${name} was started again`)
      }
    },
  }
}
