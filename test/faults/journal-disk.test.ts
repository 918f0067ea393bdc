import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { journalDiskFull } from './journal-disk-scenario.ts'
import { runGroup } from './run-group.ts'
import { mountMemoryDisk, NEEDS_MOUNT } from './small-disks.ts'

const disk = mountMemoryDisk(2)
if (disk === undefined) {
  describe('a small disk for the journal', () => {
    it('journal-disk-full', { skip: NEEDS_MOUNT }, () => {})
  })
} else {
  runGroup({
    name: 'a small disk for the journal',
    world: { journalDirectory: join(disk.directory, 'journal') },
    scenarios: [journalDiskFull(disk.directory)],
  })
  after(() => disk[Symbol.dispose]())
}
