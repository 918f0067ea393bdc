import { describe, it } from 'node:test'
import { diskGroup } from './disk-scenarios.ts'
import { whyNoLoopDisk } from './loop-disk.ts'
import { runGroup } from './run-group.ts'
import { sourceGroup } from './source-scenarios.ts'

runGroup(sourceGroup)

const why = await whyNoLoopDisk()
if (why === undefined) {
  runGroup(diskGroup)
} else {
  describe(diskGroup.name, () => {
    for (const { id } of diskGroup.scenarios) it(id, { skip: `NOT RUN: ${why}` }, () => {})
  })
}
