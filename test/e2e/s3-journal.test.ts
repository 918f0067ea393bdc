import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ReceiptView } from '@firn/contracts'
import { MIB } from '@firn/core'
import { neutralVariables } from '@firn/stack'
import { type S3Server, startS3, until } from '@firn/testing'
import { Redis } from 'ioredis'
import { z } from 'zod'
import {
  archiveCount,
  openScratch,
  openTestStack,
  submit,
  type TestStack,
  untilArchived,
  untilJob,
  verify,
} from './test-stack.ts'

const WAIT_MAX_MS = 180_000
const Receipt = z.object({
  formatVersion: z.literal(2),
  region: z.string(),
  account: z.string(),
  archive: z.object({ archiveId: z.string() }),
  partTreeHashes: z.array(z.string()),
})

function openStack(scratch: Awaited<ReturnType<typeof openScratch>>, s3: S3Server) {
  const env = {
    ...neutralVariables(process.env),
    ...s3.env,
    JOURNAL_URL: `s3://${s3.bucket}/firn/e2e`,
    RECOVER_INTERVAL_MS: '2000',
    SWEEP_INTERVAL_MS: '500',
    RETRY_CAP_MS: '2000',
  }
  return openTestStack(scratch, { env, restart: true, restartDelayMaxMs: 250 })
}

function recordsOf({ objects }: S3Server, id: string): readonly string[] {
  const folder = `firn/e2e/${id.slice(-1)}/${id}`
  return [...objects.keys()].filter((key) => key.startsWith(folder)).sort()
}

async function flushAll({ stack }: TestStack): Promise<void> {
  const redis = new Redis(stack.redisUrl)
  await redis.flushall()
  redis.disconnect()
}

async function receiptFromApi({ stack }: TestStack, archiveId: string | null) {
  const headers = { authorization: `Bearer ${stack.apiToken}` }
  const url = `${stack.apiUrl}/v1/archives/${archiveId}`
  await until(async () => (await fetch(url, { headers })).ok, { timeoutMs: WAIT_MAX_MS })
  return ReceiptView.parse(await (await fetch(url, { headers })).json())
}

describe('a whole Firn whose journal is in a bucket', { timeout: 10 * 60_000 }, () => {
  it('archives, and knows its archives and jobs again after Redis has lost everything', async () => {
    await using s3 = await startS3()
    await using scratch = await openScratch()
    await using test = await openStack(scratch, s3)
    const file = await scratch.makeFile('one.bin', 5 * MIB + 1)
    const job = await untilArchived(test, (await submit(test, file, { partSize: MIB })).id)
    const folder = `firn/e2e/${job.id.slice(-1)}/${job.id}`
    const names = ['intent-1', 'receipt', 'upload-1'].map((name) => `${folder}/${name}.json`)
    assert.deepEqual(recordsOf(s3, job.id), [`${folder}.json`, ...names])
    const stored = s3.objects.get(`${folder}/receipt.json`)
    const receipt = Receipt.parse(JSON.parse(stored?.body.toString() ?? ''))
    assert.deepEqual([receipt.region, receipt.account], ['eu-central-1', '111122223333'])
    assert.equal(receipt.archive.archiveId, job.archiveId)
    assert.equal(receipt.partTreeHashes.length, 6)

    // One that is under way, for the second half of its story.
    const large = await scratch.makeFile('large.bin', 300 * MIB)
    const { id } = await submit(test, large, { partSize: MIB })
    await untilJob(test, id, ({ parts }) => parts.uploaded > 10)
    await flushAll(test)
    const rebuilt = await receiptFromApi(test, job.archiveId)
    assert.equal(rebuilt.jobId, job.id)
    assert.equal(rebuilt.account, '111122223333')
    await until(
      () =>
        test.api.getJob(id, AbortSignal.timeout(WAIT_MAX_MS)).then(
          () => true,
          () => false,
        ),
      {
        timeoutMs: WAIT_MAX_MS,
      },
    )
    const again = await untilArchived(test, id)
    await verify(test, again, large)
    await verify(test, job, file)
    assert.equal(await archiveCount(test), 2)
    assert.deepEqual(
      recordsOf(s3, id).filter((key) => key.includes('/upload-')),
      [`firn/e2e/${id.slice(-1)}/${id}/upload-1.json`],
      'it goes on with the upload that it had',
    )
  })

  it('says 503 while the bucket is away, accepts nothing by halves, and goes on', async () => {
    await using s3 = await startS3()
    await using scratch = await openScratch()
    await using test = await openStack(scratch, s3)
    const file = await scratch.makeFile('one.bin', 3 * MIB)
    const gone = { action: { type: 'reset', isDone: true }, count: 1e9 } as const
    for (const operation of ['PUT', 'GET', 'LIST', 'DELETE'] as const) {
      s3.faults.add({ operation, ...gone })
    }
    const headers = {
      authorization: `Bearer ${test.stack.apiToken}`,
      'content-type': 'application/json',
      'idempotency-key': 'one',
    }
    const body = JSON.stringify({ vault: 'e2e', source: { type: 'file', path: file } })
    const post = () => fetch(`${test.stack.apiUrl}/v1/jobs`, { method: 'POST', headers, body })
    const refused = await post()
    assert.equal(refused.status, 503)
    assert.equal(
      z.object({ code: z.string() }).parse(await refused.json()).code,
      'JOURNAL_UNAVAILABLE',
    )
    const isReady = async () => (await fetch(`${test.stack.apiUrl}/readyz`)).ok
    await until(async () => !(await isReady()), { timeoutMs: WAIT_MAX_MS })
    s3.faults.clear()
    await until(isReady, { timeoutMs: WAIT_MAX_MS })
    const accepted = await post()
    assert.equal(accepted.status, 202)
    const { id } = z.object({ id: z.string() }).parse(await accepted.json())
    await verify(test, await untilArchived(test, id), file)
    assert.equal(await archiveCount(test), 1)
  })

  it('refuses to start when the bucket would overwrite records', async () => {
    await using s3 = await startS3({ ignoresConditions: true })
    await using scratch = await openScratch()
    const opening = openStack(scratch, s3)
    await assert.rejects(opening, (error) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /although it was told not to/)
      return true
    })
  })

  it('refuses to start its own vault beside a bucket without the keys for both', async () => {
    await using scratch = await openScratch()
    const env = { ...neutralVariables(process.env), JOURNAL_URL: 's3://bucket/firn' }
    await assert.rejects(openTestStack(scratch, { env }), /which then sign for both/)
  })
})
