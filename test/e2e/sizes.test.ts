import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { MIB } from '@firn/core'
import { ArchiveDiffersError } from '@firn/stack'
import {
  archiveCount,
  openScratch,
  openTestStack,
  type Scratch,
  submit,
  type TestStack,
  untilArchived,
  untilJob,
  uploadIds,
  verify,
} from './test-stack.ts'

const sizes = [
  { name: 'one byte', sizeBytes: 1, parts: 1 },
  { name: 'exactly one part', sizeBytes: MIB, parts: 1 },
  { name: 'one part and a byte', sizeBytes: MIB + 1, parts: 2 },
  { name: 'exactly five parts', sizeBytes: 5 * MIB, parts: 5 },
  { name: 'five parts and a byte', sizeBytes: 5 * MIB + 1, parts: 6 },
]

describe('a file on its way into a vault', () => {
  let scratch: Scratch
  let test: TestStack
  before(async () => {
    scratch = await openScratch()
    test = await openTestStack(scratch)
  })
  after(async () => {
    await test[Symbol.asyncDispose]()
    await scratch[Symbol.asyncDispose]()
  })

  for (const { name, sizeBytes, parts } of sizes) {
    it(`of ${name} becomes an archive of the same bytes`, async () => {
      const file = await scratch.makeFile(`${sizeBytes}.bin`, sizeBytes)
      const before = await archiveCount(test)
      const { id } = await submit(test, file, { partSize: MIB })
      const job = await untilArchived(test, id)
      assert.equal(job.size, sizeBytes)
      assert.equal(job.parts.total, parts)
      assert.equal(job.parts.uploaded, parts)
      if (sizeBytes <= MIB) {
        const linear = createHash('sha256')
          .update(await readFile(file))
          .digest('hex')
        assert.equal(job.sha256TreeHash, linear, 'the tree hash of one leaf is its SHA-256')
      }
      await verify(test, job, file)
      assert.equal(await archiveCount(test), before + 1)
    })
  }

  it('is compared byte by byte: one that changed since is told, and where', async () => {
    const file = await scratch.makeFile('changed.bin', 3 * MIB)
    const { id } = await submit(test, file, { partSize: MIB })
    const job = await untilArchived(test, id)
    const bytes = await readFile(file)
    bytes.writeUInt8(bytes.readUInt8(2 * MIB + 7) ^ 1, 2 * MIB + 7)
    await writeFile(file, bytes)
    await assert.rejects(verify(test, job, file), (error) => {
      assert.ok(error instanceof ArchiveDiffersError)
      assert.match(error.message, new RegExp(`at byte ${2 * MIB + 7} .*the bytes differ`))
      return true
    })
    await writeFile(file, bytes.subarray(0, -1))
    await assert.rejects(verify(test, job, file), ArchiveDiffersError)
  })

  it('of no bytes is refused with the reason, and leaves nothing in the vault', async () => {
    const file = await scratch.makeFile('empty.bin', 0)
    const before = await archiveCount(test)
    const { id } = await submit(test, file)
    const job = await untilJob(test, id, ({ state }) => state === 'failed')
    assert.equal(job.error?.code, 'SOURCE_EMPTY')
    assert.equal(job.error.retryable, false)
    assert.equal(await archiveCount(test), before)
    assert.deepEqual(await uploadIds(test), [])
  })
})
