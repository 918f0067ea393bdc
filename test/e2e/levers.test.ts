import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { InitiateMultipartUploadCommand } from '@aws-sdk/client-glacier'
import { ArchiveListView, ReceiptView, UploadListView, WorkerListView } from '@firn/contracts'
import { MIB } from '@firn/core'
import {
  openScratch,
  openTestStack,
  submit,
  type TestStack,
  untilArchived,
  untilJob,
  uploadIds,
  VAULT,
  verify,
} from './test-stack.ts'

const LIMIT_MS = 120_000
const never = new AbortController().signal
const oneSlot = { envByKind: { worker: { WORKER_CONCURRENCY: '1' } } }

/** What an operator would send with curl. */
async function ask(
  { stack }: TestStack,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly answer: unknown }> {
  const response = await fetch(`${stack.apiUrl}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${stack.apiToken}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, answer: await response.json() }
}

async function order(test: TestStack, method: string, path: string, body?: unknown): Promise<void> {
  assert.equal((await ask(test, method, path, body)).status, 200, `${method} ${path}`)
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT_MS)
  while (!(await isTrue())) await sleep(50, undefined, { signal })
}

async function workersOf(test: TestStack) {
  return WorkerListView.parse((await ask(test, 'GET', '/v1/workers')).answer).items
}

/** Slots of all workers in one state, as they tell Prometheus. */
async function slots({ stack }: TestStack, state: string): Promise<number> {
  const workers = stack.processes().filter(({ kind }) => kind === 'worker')
  const texts = await Promise.all(
    workers.map(async ({ url }) => await (await fetch(`${url}/metrics`)).text()),
  )
  const line = new RegExp(`^firn_worker_slots\\{state="${state}"\\} (\\d+)`, 'm')
  return texts.reduce((total, text) => total + Number(line.exec(text)?.[1]), 0)
}

async function attemptsOf(test: TestStack, id: string): Promise<number> {
  const { answer } = await ask(test, 'GET', `/v1/jobs/${id}/parts?limit=1000`)
  const { items } = answer as { items: readonly { attempts: number }[] }
  return items.reduce((total, { attempts }) => total + attempts, 0)
}

describe("an operator's levers", () => {
  it('hold everything and release it: parts in flight end, none begins', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('held.bin', 200 * MIB)
    await using test = await openTestStack(scratch, oneSlot)
    const { id } = await submit(test, file, { partSize: MIB })
    await untilJob(test, id, ({ parts }) => parts.uploaded > 0)
    await order(test, 'POST', '/v1/pause')
    await until(async () => (await slots(test, 'held')) === 2)
    const { parts, state } = await test.api.getJob(id, never)
    assert.equal(state, 'uploading')
    assert.ok(parts.uploaded < 200, 'held in the middle')
    // A job that comes meanwhile is accepted, and not begun.
    const later = await submit(test, await scratch.makeFile('later.bin', MIB))
    await until(async () => (await workersOf(test)).every(({ holding }) => holding))
    assert.equal(await slots(test, 'busy'), 0)
    assert.equal((await test.api.getJob(id, never)).parts.uploaded, parts.uploaded)
    assert.equal((await test.api.getJob(later.id, never)).state, 'queued')

    await order(test, 'POST', '/v1/resume')
    await verify(test, await untilArchived(test, id), file)
    await untilArchived(test, later.id)
    assert.equal(await attemptsOf(test, id), 200)
  })

  it('hold one vault and leave the others alone, without a run in vain', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('held.bin', 300 * MIB)
    const small = await scratch.makeFile('small.bin', 5 * MIB)
    await using test = await openTestStack(scratch, oneSlot)
    await test.api.createVault('other', never)
    const { id } = await submit(test, file, { partSize: MIB })
    await untilJob(test, id, ({ parts }) => parts.uploaded > 0)
    await order(test, 'POST', '/v1/pause', { vault: VAULT })
    await untilStill(test, id)
    const queued = await submit(test, small, { partSize: MIB })
    const other = await submit(test, small, { partSize: MIB, vault: 'other' })
    await untilArchived(test, other.id)
    const { parts, state } = await test.api.getJob(id, never)
    assert.equal(state, 'uploading')
    assert.ok(parts.uploaded < 300, 'held in the middle')
    assert.equal((await test.api.getJob(queued.id, never)).state, 'queued')
    assert.equal(await attemptsOf(test, id), parts.uploaded)

    await order(test, 'POST', '/v1/resume', { vault: VAULT })
    await verify(test, await untilArchived(test, id), file)
    await untilArchived(test, queued.id)
    assert.equal(await attemptsOf(test, id), 300)
  })

  it('resize workers, and drain one that then begins nothing and is not ready', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('a.bin', 20 * MIB)
    await using test = await openTestStack(scratch, oneSlot)
    await order(test, 'PATCH', '/v1/controls', { workerConcurrency: 3, window: 2 })
    await until(async () => (await slots(test, 'idle')) === 6)
    await until(async () => (await workersOf(test)).length === 2)
    await until(async () => (await workersOf(test)).every(({ slots: count }) => count === 3))
    const [drained, working] = await workersOf(test)
    assert.ok(drained && working)
    await order(test, 'POST', `/v1/workers/${drained.name}/drain`)
    await until(async () => (await slots(test, 'held')) === 3)
    const ready = await Promise.all(
      test.stack
        .processes()
        .filter(({ kind }) => kind === 'worker')
        .map(async ({ url }) => (await fetch(`${url}/readyz`)).status),
    )
    assert.deepEqual(ready.sort(), [200, 503])

    const { id } = await submit(test, file, { partSize: MIB })
    await untilArchived(test, id)
    const { answer } = await ask(test, 'GET', `/v1/jobs/${id}/parts?limit=1000`)
    const { items } = answer as { items: readonly { worker: string }[] }
    assert.deepEqual([...new Set(items.map(({ worker }) => worker))], [working.name])

    await order(test, 'POST', `/v1/workers/${drained.name}/undrain`)
    await order(test, 'PATCH', '/v1/controls', { workerConcurrency: null })
    await until(async () => (await slots(test, 'idle')) === 2)
  })

  it('let a job that came last go first, past all that waits already', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('a.bin', 100 * MIB)
    await using test = await openTestStack(scratch, { ...oneSlot, workerCount: 1 })
    // They take turns, so that all of them are far from done when the last one has begun.
    await order(test, 'PATCH', '/v1/controls', { window: 2 })
    const jobs = []
    for (let count = 0; count < 3; count += 1) {
      jobs.push((await submit(test, file, { partSize: MIB })).id)
    }
    const [first = '', , last = ''] = jobs
    for (const id of jobs) await untilJob(test, id, ({ parts }) => parts.uploaded > 0)
    await order(test, 'POST', '/v1/pause')
    await untilStill(test, first)
    await order(test, 'PATCH', `/v1/jobs/${last}`, { priority: 0 })
    await order(test, 'POST', '/v1/resume')
    await untilArchived(test, last)
    // One part of another job may have been begun before the last one of this job was.
    for (const id of jobs.slice(0, 2)) {
      const { state, parts } = await test.api.getJob(id, never)
      assert.equal(state, 'uploading', `${parts.uploaded} parts of a job that was to wait`)
    }
    for (const id of jobs) await verify(test, await untilArchived(test, id), file)
  })

  it('retry all failed jobs once what failed them is mended', async () => {
    await using scratch = await openScratch()
    const files = await Promise.all(
      [0, 1, 2].map((index) => scratch.makeFile(`${index}.bin`, MIB + index)),
    )
    await using test = await openTestStack(scratch)
    const jobs = await Promise.all(files.map((file) => submit(test, file, { vault: 'late' })))
    for (const { id } of jobs) await untilJob(test, id, ({ state }) => state === 'failed')
    await test.api.createVault('late', never)
    const filter = { vault: 'late', errorCode: 'GLACIER_VAULT_NOT_FOUND' }
    await until(async () => {
      await order(test, 'POST', '/v1/jobs/retry', filter)
      const states = await Promise.all(jobs.map(({ id }) => test.api.getJob(id, never)))
      return states.every(({ state }) => state !== 'failed')
    })
    for (const { id } of jobs) await untilArchived(test, id)
  })

  it('show uploads with their jobs, abort strays, and find receipts by archive', async () => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('a.bin', 200 * MIB)
    await using test = await openTestStack(scratch, oneSlot)
    const { id } = await submit(test, file, { partSize: MIB })
    await untilJob(test, id, ({ parts }) => parts.uploaded > 0)
    await order(test, 'POST', '/v1/pause')
    const { uploadId } = await test.api.getJob(id, never)
    const initiate = (archiveDescription: string) =>
      test.glacier.send(
        new InitiateMultipartUploadCommand({
          ...{ accountId: '-', vaultName: VAULT, partSize: String(MIB), archiveDescription },
        }),
      )
    const stray = (await initiate(`firn1 j=${id} g=1`)).uploadId
    const foreign = (await initiate('by another tool')).uploadId
    const path = `/v1/vaults/${VAULT}/uploads`
    const { items } = UploadListView.parse((await ask(test, 'GET', path)).answer)
    const seen = new Map(items.map((one) => [one.uploadId, [one.jobId, one.orphan]]))
    assert.deepEqual(seen.get(uploadId ?? ''), [id, false])
    assert.deepEqual(seen.get(stray ?? ''), [id, true])
    assert.deepEqual(seen.get(foreign ?? ''), [null, false])
    assert.equal((await ask(test, 'DELETE', `${path}/${uploadId}`)).status, 409)
    await order(test, 'DELETE', `${path}/${stray}`)
    assert.deepEqual([...(await uploadIds(test))].sort(), [uploadId, foreign].sort())

    await order(test, 'POST', '/v1/resume')
    const { archiveId, sha256TreeHash } = await untilArchived(test, id)
    const list = ArchiveListView.parse((await ask(test, 'GET', '/v1/archives')).answer)
    assert.deepEqual(
      list.items.map((archive) => archive.archiveId),
      [archiveId],
    )
    const receipt = ReceiptView.parse((await ask(test, 'GET', `/v1/archives/${archiveId}`)).answer)
    assert.equal(receipt.jobId, id)
    assert.equal(receipt.sha256TreeHash, sha256TreeHash)
    assert.equal(receipt.partTreeHashes.length, 200)
  })
})

/** Workers look at the controls once a second: two looks without progress, and all have heard. */
async function untilStill(test: TestStack, id: string): Promise<void> {
  for (let before = -1, count = 0; count < 60; count += 1) {
    const { uploaded } = (await test.api.getJob(id, never)).parts
    if (uploaded === before) return
    before = uploaded
    await sleep(2500)
  }
  assert.fail('the hold is not heard')
}
