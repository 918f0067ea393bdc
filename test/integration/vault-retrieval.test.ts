import assert from 'node:assert/strict'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Glacier } from '@aws-sdk/client-glacier'
import { MIB, treeHash } from '@firn/core'
import {
  scratchDir,
  sdkClient,
  send,
  someBytes,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

const vaultName = 'photos'
const target = { vaultName, accountId: '-' }
let directory: Awaited<ReturnType<typeof scratchDir>>
let vault: VaultProcess
let glacier: Glacier

before(async () => {
  directory = await scratchDir()
  vault = await startVault(directory.path)
  glacier = sdkClient(vault.url)
  await glacier.createVault(target)
})
after(async () => {
  glacier.destroy()
  await vault[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

function hexTree(bytes: Uint8Array): string {
  return treeHash(bytes).toString('hex')
}

async function archive(data: Buffer, partSizeBytes: number): Promise<string> {
  const { uploadId } = await glacier.initiateMultipartUpload({
    ...target,
    partSize: String(partSizeBytes),
  })
  for (let start = 0; start < data.length; start += partSizeBytes) {
    const body = data.subarray(start, start + partSizeBytes)
    const range = `bytes ${start}-${start + body.length - 1}/*`
    await glacier.uploadMultipartPart({ ...target, uploadId, range, body })
  }
  const { archiveId } = await glacier.completeMultipartUpload({
    ...target,
    uploadId,
    archiveSize: String(data.length),
    checksum: hexTree(data),
  })
  assert.ok(archiveId)
  return archiveId
}

async function startJob(archiveId: string, range?: string): Promise<string> {
  const { jobId } = await glacier.initiateJob({
    ...target,
    jobParameters: {
      Type: 'archive-retrieval',
      ArchiveId: archiveId,
      ...(range !== undefined && { RetrievalByteRange: range }),
    },
  })
  assert.ok(jobId)
  return jobId
}

async function output(jobId: string, range?: string) {
  const answer = await glacier.getJobOutput({ ...target, jobId, ...(range && { range }) })
  assert.ok(answer.body)
  return { ...answer, bytes: Buffer.from(await answer.body.transformToByteArray()) }
}

/** Does a range of leaves lie below one node of a tree of `leafCount` leaves? Said level by level. */
function isNode(p: number, q: number, leafCount: number): boolean {
  for (let width = 1; ; width *= 2) {
    if (p % width === 0 && q === Math.min(p + width, leafCount)) return true
    if (width >= leafCount) return false
  }
}

for (const partMib of [1, 2, 8]) {
  describe(`retrieval from parts of ${partMib} MiB`, () => {
    const data = someBytes(6.5 * MIB, partMib)
    const leafCount = 7
    let archiveId: string

    before(async () => {
      archiveId = await archive(data, partMib * MIB)
    })

    it('gives every range of leaves, with its tree hash exactly when it is aligned', async () => {
      const jobId = await startJob(archiveId)
      for (let p = 0; p < leafCount; p += 1) {
        for (let q = p + 1; q <= leafCount; q += 1) {
          const [first, last] = [p * MIB, Math.min(q * MIB, data.length) - 1]
          const { bytes, checksum, status, contentRange } = await output(
            jobId,
            `bytes=${first}-${last}`,
          )
          assert.ok(bytes.equals(data.subarray(first, last + 1)))
          assert.equal(status, 206)
          assert.equal(contentRange, `bytes ${first}-${last}/${data.length}`)
          const expected = isNode(p, q, leafCount) ? hexTree(bytes) : undefined
          assert.equal(checksum, expected, `leaves ${p} to ${q}`)
        }
      }
    })

    it('gives ranges off the boundaries of leaves without a tree hash', async () => {
      const jobId = await startJob(archiveId)
      for (const [first, last] of [
        [0, 0],
        [5, MIB + 7],
        [2 * MIB - 1, 2 * MIB],
        [data.length - 3, data.length - 1],
      ] as const) {
        const { bytes, checksum } = await output(jobId, `bytes=${first}-${last}`)
        assert.ok(bytes.equals(data.subarray(first, last + 1)))
        assert.equal(checksum, undefined)
      }
    })

    it('takes a range of a ranged job relative to the job, and judges it in the archive', async () => {
      const [first, last] = [4 * MIB, data.length - 1]
      const jobId = await startJob(archiveId, `${first}-${last}`)
      const described = await glacier.describeJob({ ...target, jobId })
      assert.equal(described.SHA256TreeHash, hexTree(data.subarray(first)))
      assert.equal(described.RetrievalByteRange, `${first}-${last}`)
      const whole = await output(jobId)
      assert.equal(whole.checksum, hexTree(data.subarray(first)))
      assert.equal(whole.status, 200)
      assert.ok(whole.bytes.equals(data.subarray(first)))
      const two = await output(jobId, `bytes=0-${2 * MIB - 1}`)
      assert.equal(two.checksum, hexTree(data.subarray(4 * MIB, 6 * MIB)))
      const last3 = await output(jobId, `bytes=${MIB}-${2.5 * MIB - 1}`)
      assert.equal(last3.checksum, undefined)
      assert.ok(last3.bytes.equals(data.subarray(5 * MIB, 6.5 * MIB)))
    })

    it('gives no tree hash at all for a job whose own range is not aligned', async () => {
      const jobId = await startJob(archiveId, `${MIB}-${3 * MIB - 1}`)
      assert.equal((await glacier.describeJob({ ...target, jobId })).SHA256TreeHash, undefined)
      assert.equal((await output(jobId)).checksum, undefined)
      assert.equal((await output(jobId, `bytes=0-${MIB - 1}`)).checksum, undefined)
    })
  })
}

describe('InitiateJob', () => {
  it('refuses ranges that are not aligned to 1 MiB or pass the end', async () => {
    const archiveId = await archive(someBytes(2 * MIB + 5, 3), MIB)
    for (const range of ['1-1048575', '0-1048576', '0-2097157', '5-4', 'x', `${MIB}-${2 * MIB}`]) {
      await assert.rejects(startJob(archiveId, range), {
        name: 'InvalidParameterValueException',
        message: `Invalid RetrievalByteRange: ${range}`,
      })
    }
    assert.ok(await startJob(archiveId, `${MIB}-${2 * MIB + 4}`))
  })

  it('refuses bodies that are not JSON, or lack what they need', async () => {
    const path = `/-/vaults/${vaultName}/jobs`
    const cases: readonly (readonly [body: string, code: string])[] = [
      ['{"Type":', 'SerializationException'],
      ['', 'SerializationException'],
      ['[]', 'InvalidParameterValueException'],
      ['{"Type":5}', 'InvalidParameterValueException'],
      ['{}', 'MissingParameterValueException'],
      ['{"Type":"archive-retrieval"}', 'MissingParameterValueException'],
      ['{"Type":"something"}', 'InvalidParameterValueException'],
      ['{"Type":"archive-retrieval","ArchiveId":"nope"}', 'ResourceNotFoundException'],
    ]
    for (const [body, code] of cases) {
      const answer = await send(vault.url, { method: 'POST', path, body })
      assert.equal(JSON.parse(answer.body.toString()).code, code, body)
    }
  })
})

describe('GetJobOutput', () => {
  it('refuses ranges it cannot read or that begin past the end', async () => {
    const jobId = await startJob(await archive(someBytes(10, 4), MIB))
    for (const range of ['bytes=10-11', 'bytes=5-4', 'bytes=-5', '0-1', 'bytes=0-1,3-4']) {
      await assert.rejects(output(jobId, range), {
        name: 'InvalidParameterValueException',
        message: `Invalid Range: ${range}`,
      })
    }
  })

  it('goes on giving a prepared output after the archive was deleted, and frees the disk later', async () => {
    const data = someBytes(3 * MIB, 6)
    const archiveId = await archive(data, MIB)
    const jobId = await startJob(archiveId)
    await glacier.deleteArchive({ ...target, archiveId })
    assert.ok((await output(jobId)).bytes.equals(data))
    await assert.rejects(startJob(archiveId), { name: 'ResourceNotFoundException' })
  })

  it('does not know a job that nobody started', async () => {
    await assert.rejects(output('nope'), {
      name: 'ResourceNotFoundException',
      message: 'The job ID was not found: nope',
    })
  })
})

describe('stored data that rots', () => {
  it('is never given out: an error at the first leaf, a cut connection later', async () => {
    const data = someBytes(3 * MIB, 8)
    const archiveId = await archive(data, 4 * MIB)
    const jobId = await startJob(archiveId)
    const file = await newestPart(directory.path)
    const flip = async (position: number) => {
      await using handle = await open(file, 'r+')
      const byte = Buffer.alloc(1)
      await handle.read(byte, 0, 1, position)
      byte.writeUInt8(byte.readUInt8(0) ^ 1)
      await handle.write(byte, 0, 1, position)
    }
    await flip(2 * MIB + 3)
    await assert.rejects(output(jobId))
    assert.ok(
      (await output(jobId, `bytes=0-${2 * MIB - 1}`)).bytes.equals(data.subarray(0, 2 * MIB)),
    )
    await flip(5)
    await assert.rejects(output(jobId), { name: 'ServiceUnavailableException' })
    await flip(5)
    // A flip among the stored hashes.
    await flip(3 * MIB + 1)
    await assert.rejects(output(jobId), { name: 'ServiceUnavailableException' })
  })
})

async function newestPart(dataDir: string): Promise<string> {
  const names = await readdir(dataDir, { recursive: true })
  const parts = names.filter((name) =>
    name.endsWith(`-${3 * MIB}-${hexTree(someBytes(3 * MIB, 8))}.part`),
  )
  const [part] = parts
  assert.ok(part)
  return join(dataDir, part)
}

describe('ListJobs', () => {
  it('filters by status and completion, and refuses other values', async () => {
    const archiveId = await archive(someBytes(10, 5), MIB)
    const jobId = await startJob(archiveId)
    const ids = async (filter: { statuscode?: string; completed?: string }) => {
      const { JobList } = await glacier.listJobs({ ...target, ...filter })
      return JobList?.map((job) => job.JobId) ?? []
    }
    assert.ok((await ids({})).includes(jobId))
    assert.ok((await ids({ statuscode: 'Succeeded', completed: 'true' })).includes(jobId))
    assert.deepEqual(await ids({ completed: 'false' }), [])
    await assert.rejects(ids({ statuscode: 'finished' }), {
      message: 'The job status code is not valid: finished',
    })
  })
})
