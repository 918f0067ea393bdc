import { after, describe, it } from 'node:test'
import { powerCuts } from './power-cut-scenarios.ts'
import { runGroup } from './run-group.ts'
import { mountPowerDisk, NEEDS_MOUNT } from './small-disks.ts'

const disk = mountPowerDisk(128)
if (disk === undefined) {
  describe('a Redis whose power fails', () => {
    it('redis-power-cut', { skip: NEEDS_MOUNT }, () => {})
  })
} else {
  runGroup({
    name: 'a Redis whose power fails',
    world: { redisDirectory: disk.directory },
    scenarios: powerCuts(() => disk),
  })
  after(() => disk[Symbol.dispose]())
}
