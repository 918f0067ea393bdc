import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MIB } from '@firn/core'
import { ApiError } from '@firn/stack'
import { openHangingProxy } from './hanging-proxy.ts'
import {
  archiveCount,
  openScratch,
  openTestStack,
  submit,
  untilArchived,
  untilJob,
  untilNoUpload,
  uploadIds,
  VAULT,
  verify,
} from './test-stack.ts'

const never = new AbortController().signal

async function until(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!isTrue()) {
    assert.ok(performance.now() < deadline, `still not true: ${what}`)
    await sleep(5)
  }
}

/** A job cannot be retried while the rest of its last try is still being cleared away. */
async function untilAccepted(ask: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      const isBusy = error instanceof ApiError && error.code === 'JOB_STATE_CONFLICT'
      if (!isBusy || performance.now() > deadline) throw error
      await sleep(100)
    }
  }
}

describe('what people ask of a job', () => {
  it('cancel reaches parts in flight that would never end, and leaves no upload', async (t) => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('input.bin', 64 * MIB)
    await using proxy = await openHangingProxy()
    await using test = await openTestStack(scratch, {
      envByKind: { worker: { AWS_ENDPOINT_URL_GLACIER: proxy.url } },
    })
    proxy.leadTo(test.stack.vault?.endpoint ?? '')
    const { id } = await submit(test, file, { partSize: MIB })
    await untilJob(test, id, ({ parts }) => parts.uploaded > 0)
    proxy.hang()
    await until(() => proxy.hangingCount() > 0, 'a part hangs')
    const askedAt = performance.now()
    const asked = await test.api.command(id, 'cancel', never)
    assert.equal(asked.state, 'cancelled')
    await until(() => proxy.hangingCount() === 0, 'the workers let go of their parts')
    t.diagnostic(`parts in flight ended ${Math.round(performance.now() - askedAt)} ms after cancel`)
    await untilNoUpload(test)
    assert.equal(await archiveCount(test), 0)
    const job = await test.api.getJob(id, never)
    assert.equal(job.state, 'cancelled')
    assert.equal(job.archiveId, null)
  })

  it('pause stops the upload, resume takes it up where it was', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('input.bin', 64 * MIB)
    await using test = await openTestStack(scratch, {
      envByKind: { worker: { WORKER_CONCURRENCY: '1' } },
    })
    const { id } = await submit(test, file, { partSize: MIB })
    const begun = await untilJob(test, id, ({ parts }) => parts.uploaded > 0)
    assert.equal((await test.api.command(id, 'pause', never)).state, 'paused')
    // Parts in flight may still end; then the count stands still.
    let paused = await test.api.getJob(id, never)
    for (let steady = 0; steady < 20; ) {
      await sleep(25)
      const now = await test.api.getJob(id, never)
      steady = now.parts.uploaded === paused.parts.uploaded ? steady + 1 : 0
      paused = now
    }
    assert.equal(paused.state, 'paused')
    assert.ok(paused.parts.uploaded < 64, 'the upload was over before the pause')
    assert.deepEqual(await uploadIds(test), [begun.uploadId])
    await test.api.command(id, 'resume', never)
    const job = await untilArchived(test, id)
    assert.equal(job.uploadId, begun.uploadId)
    await verify(test, job, file)
    assert.equal(await archiveCount(test), 1)
  })

  it('retry makes an archive of a failed job once its cause is gone', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('input.bin', 3 * MIB)
    await using test = await openTestStack(scratch)
    const { id } = await submit(test, file, { vault: 'later' })
    const failed = await untilJob(test, id, ({ state }) => state === 'failed')
    assert.equal(failed.error?.code, 'GLACIER_VAULT_NOT_FOUND')
    await test.api.createVault('later', never)
    await untilAccepted(() => test.api.command(id, 'retry', never))
    const job = await untilArchived(test, id)
    assert.ok(job.archiveId)
    assert.equal(job.error, null)
    assert.equal(await archiveCount(test), 0, `nothing belongs in ${VAULT}`)
  })
})
