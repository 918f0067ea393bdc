import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type LoopDisk, openLoopDisk } from './loop-disk.ts'
import { countOf, holdPart, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene, type SourceFile } from './scene.ts'
import { seededBytes } from './seeded-bytes.ts'

const SIZE_BYTES = 8 * MIB

async function sourceOn(scene: Scene, name: string, directory: string): Promise<SourceFile> {
  const version = { seed: `${scene.vault} ${name}`, sizeBytes: SIZE_BYTES }
  const path = join(directory, name)
  await writeFile(path, seededBytes(version.seed, SIZE_BYTES))
  return { path, versions: [version] }
}

/** The disk of a source breaks half-way; what happens then is the scenario's. */
function breaking(input: {
  readonly id: string
  readonly fault: string
  readonly outcome: string
  readonly run: (scene: Scene, disk: LoopDisk, job: string, late: SourceFile) => Promise<void>
}): Scenario {
  const { id, fault, outcome } = input
  return {
    ...{ id, fault, outcome },
    async run(scene) {
      const directory = join(scene.world.filesDirectory, `${scene.vault}-disk`)
      await using disk = await openLoopDisk(directory)
      const held = holdPart(scene, 4)
      const source = await sourceOn(scene, 'first.bin', directory)
      const late = await sourceOn(scene, 'late.bin', directory)
      const job = await scene.submit(source)
      await held.reached
      disk.breakDown()
      scene.fault('the disk breaks')
      held.release()
      await input.run(scene, disk, job, late)
      await settleArchived(scene)
      assert.equal(countOf(scene, 'Initiate'), scene.user.posts.length, 'uploads were opened again')
    },
  }
}

const broken = breaking({
  id: 'source-unreadable',
  fault:
    'the disk of the source fails with EIO for good, half-way and before another job is opened',
  outcome:
    'retried, then failed with SOURCE_UNREADABLE; retried once it is back, both are archived',
  async run(scene, disk, job, late) {
    const second = await scene.submit(late)
    for (const id of [job, second]) {
      const failed = await scene.untilJob(id, ({ state }) => state === 'failed', 'it is given up')
      assert.equal(failed.error?.code, 'SOURCE_UNREADABLE')
      assert.equal(failed.error?.retryable, true)
    }
    assert.equal(countOf(scene, 'Complete'), 0)
    await disk.mend()
    for (const id of [job, second]) assert.equal(await scene.user.command(id, 'retry'), 202)
  },
})

const brokenBriefly = breaking({
  id: 'source-unreadable-briefly',
  fault: 'the disk of the source fails with EIO for a moment, half-way',
  outcome: 'the job says why it waits, and goes on under the same upload; archived',
  async run(scene, disk, job) {
    const isTold = await scene.untilJob(
      job,
      ({ error }) => error?.code === 'SOURCE_UNREADABLE',
      'it says why it waits',
    )
    assert.equal(isTold.state, 'uploading')
    await disk.mend()
  },
})

/** On a file system that this machine has to be able to make; see `sources.test.ts`. */
export const diskGroup: ScenarioGroup = {
  name: 'sources on a disk that fails',
  world: { env: { RETRY_ATTEMPTS: '12', RETRY_CAP_MS: '800' } },
  scenarios: [broken, brokenBriefly],
}
