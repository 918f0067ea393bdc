import assert from 'node:assert/strict'
import { appendFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pass } from './glacier-gate.ts'
import { assertRefused, sendAgain, tryPost } from './outage.ts'
import { settleArchived } from './rules.ts'
import type { Scenario } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

/** On a small file system that holds the journal; see `journal-disk.test.ts`. */
export function journalDiskFull(directory: string): Scenario {
  return {
    id: 'journal-disk-full',
    fault: 'the disk of the journal is full, until there is room again',
    outcome:
      'the API says 503 and accepts nothing by halves; what runs says why it waits, and ends after',
    async run(scene) {
      const filled = Promise.withResolvers<void>()
      let isFull = false
      // Of two jobs one has its upload opened, and one is complete but for its last part, by then.
      scene.rule(async ({ operation, number, range }) => {
        if (operation === 'Initiate' && number === 2) await filled.promise
        const isHeld = operation === 'UploadPart' && range?.first === 2 * MIB && !isFull
        return isHeld ? { type: 'hang', until: filled.promise } : pass
      })
      const completing = await scene.submit(await scene.makeSource(3 * MIB))
      await scene.untilJob(completing, ({ parts }) => parts.uploaded === 2, 'one part is left')
      const opening = await scene.submit(await scene.makeSource(2 * MIB))
      const ballast = join(directory, 'ballast')
      await fill(ballast)
      isFull = true
      scene.fault('the disk is full')
      filled.resolve()

      const before = await countJobs(scene)
      const post = await tryPost(scene, `${scene.vault} full`)
      assertRefused(post)
      assert.equal(await scene.user.command(completing, 'cancel'), 503)
      assert.equal((await scene.user.ask('/readyz')).status, 503)
      for (const id of [completing, opening]) {
        const isTold = ({ error }: { error: { code: string } | null }): boolean =>
          error?.code === 'JOURNAL_UNAVAILABLE'
        await scene.untilJob(id, isTold, 'it says why it waits')
      }
      assert.deepEqual(await countJobs(scene), before, 'a job was accepted by halves')
      await rm(ballast)
      await sendAgain(scene, [post])
      await settleArchived(scene)
    },
  }
}

async function fill(path: string): Promise<void> {
  const page = Buffer.alloc(4096)
  for (;;) {
    try {
      await appendFile(path, page)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return
      throw error
    }
  }
}

/** In the journal and behind the API. */
async function countJobs({ user, vault, world }: Scene) {
  const names = await readdir(world.journalDirectory, { recursive: true })
  const { text } = await user.ask(`/v1/jobs?vault=${vault}`)
  return {
    journaled: names.filter((name) => /^.\/[0-9a-f-]{36}\.json$/.test(name)).length,
    listed: text.split('"createdAt"').length - 1,
  }
}
