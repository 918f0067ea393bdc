import assert from 'node:assert/strict'
import { openMemoryLimit, whyNoMemoryLimit } from './memory-limit.ts'
import { countOf, settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB } from './scene.ts'

const PART_COUNT = 12
/** Parts that both workers of the world have in flight at most, when each is killed. */
const IN_FLIGHT_MAX = 6
/** A worker with parts in flight takes as much again and again. */
const LEFT_BYTES = MIB

const skip = whyNoMemoryLimit()

export const workerOutOfMemory: Scenario = {
  id: 'worker-out-of-memory',
  fault: 'one worker after the other runs out of memory, and the kernel kills it',
  outcome: 'archived under the same upload; only parts in flight are sent again',
  ...(skip !== undefined && { skip }),
  async run(scene) {
    for (const name of ['worker-1', 'worker-2']) {
      await using limit = await openMemoryLimit(LEFT_BYTES)
      const pid = scene.world.signal(name, 'SIGCONT')
      await limit.put(pid)
      // One job after the other, until there is none of them that it can work for.
      await scene.until(async () => {
        const id = await scene.submit(await scene.makeSource(PART_COUNT * MIB))
        await scene.untilJob(id, ({ state }) => state === 'archived', 'a job is archived')
        return (await limit.killCount()) > 0
      }, `the kernel kills ${name}`)
      scene.fault(`${name} was killed for its memory`)
      await scene.world.untilBack(name, pid)
    }
    const jobs = await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), jobs.length, 'uploads were opened again')
    const sent = countOf(scene, 'UploadPart')
    const most = PART_COUNT * jobs.length + IN_FLIGHT_MAX
    assert.ok(sent <= most, `${sent} parts were sent, ${most} at most are due`)
  },
}
