import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import { isRunning } from '@firn/stack'
import {
  archiveCount,
  openScratch,
  openTestStack,
  submit,
  untilArchived,
  untilJob,
  uploadIds,
  verify,
} from './test-stack.ts'

/** FIRN_E2E_LARGE=1 asks for a file that takes minutes rather than seconds. */
const isLarge = process.env.FIRN_E2E_LARGE === '1'
const SIZE_BYTES = isLarge ? 2048 * MIB : 128 * MIB
const PART_BYTES = isLarge ? 8 * MIB : MIB

/** What a killed process had taken is free again soon. */
const locks = { LOCK_DURATION_MS: '4000', STALLED_INTERVAL_MS: '1000' }
const quickLocks = { envByKind: { worker: locks, finalizer: locks } }
/** One part at a time, too, so that "half-way" lasts long enough to be seen. */
const slowWorkers = {
  envByKind: { worker: { ...locks, WORKER_CONCURRENCY: '1' }, finalizer: locks },
}

describe('an upload half-way', () => {
  it('completes as exactly one archive after one of two workers is killed', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('input.bin', SIZE_BYTES)
    await using test = await openTestStack(scratch, slowWorkers)
    const { id } = await submit(test, file, { partSize: PART_BYTES })
    const half = await untilJob(test, id, ({ bytes }) => bytes.uploaded >= SIZE_BYTES / 2)
    assert.notEqual(half.state, 'archived', 'the upload was not seen half-way')
    const victim = test.stack.processes().find(({ name }) => name === 'worker-1')
    assert.ok(victim)
    process.kill(victim.pid, 'SIGKILL')
    const job = await untilArchived(test, id)
    assert.equal(job.uploadId, half.uploadId)
    await verify(test, job, file)
    assert.equal(await archiveCount(test), 1)
    assert.deepEqual(await uploadIds(test), [])
  })

  for (const [how, isGraceful] of [
    ['is stopped', true],
    ['is killed', false],
  ] as const) {
    it(`goes on under the same upload id after all of Firn ${how} and starts again`, async () => {
      await using scratch = await openScratch()
      const file = await scratch.makeFile('input.bin', 128 * MIB)
      let id: string
      let uploadId: string | null
      let processes: readonly { readonly pid: number; readonly name: string }[]
      {
        await using test = await openTestStack(scratch, slowWorkers)
        id = (await submit(test, file, { partSize: MIB })).id
        const begun = await untilJob(test, id, ({ bytes }) => bytes.uploaded >= 16 * MIB)
        assert.equal(begun.state, 'uploading')
        uploadId = begun.uploadId
        processes = test.stack.processes()
        if (!isGraceful) test.stack.kill()
      }
      for (const { pid, name } of processes) assert.equal(isRunning(pid), false, `${name} is left`)

      await using test = await openTestStack(scratch, quickLocks)
      const found = await test.api.getJob(id, AbortSignal.timeout(30_000))
      assert.ok(found.bytes.uploaded >= 16 * MIB, 'recorded parts were lost')
      const job = await untilArchived(test, id)
      assert.equal(job.uploadId, uploadId)
      await verify(test, job, file)
      assert.equal(await archiveCount(test), 1)
      assert.deepEqual(await uploadIds(test), [])
    })
  }
})
