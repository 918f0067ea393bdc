import assert from 'node:assert/strict'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import {
  archiveCount,
  openScratch,
  openTestStack,
  submit,
  untilArchived,
  untilJob,
  untilNoUpload,
  uploadIds,
  verify,
} from './test-stack.ts'

const JOB_COUNT = 50
const SIZE_MAX_BYTES = 64 * MIB
const never = new AbortController().signal

/** From 1 byte to 64 MiB, each a constant factor larger than the one before. */
function sizeOf(index: number): number {
  return Math.round(SIZE_MAX_BYTES ** (index / (JOB_COUNT - 1)))
}

describe('many jobs', () => {
  it('posted at once all become archives, each exactly once', async () => {
    await using scratch = await openScratch()
    const files: string[] = []
    for (let index = 0; index < JOB_COUNT; index += 1) {
      files.push(await scratch.makeFile(`${index}.bin`, sizeOf(index)))
    }
    await using test = await openTestStack(scratch)
    const accepted = await Promise.all(files.map((file) => submit(test, file, { partSize: MIB })))
    const jobs = await Promise.all(accepted.map(({ id }) => untilArchived(test, id)))
    assert.equal(new Set(jobs.map(({ archiveId }) => archiveId)).size, JOB_COUNT)
    assert.equal(await archiveCount(test), JOB_COUNT)
    assert.deepEqual(await uploadIds(test), [])
    for (const [index, job] of jobs.entries()) await verify(test, job, files[index]!)
  })

  it('let a small one pass a large one of 5,000 parts that was first', async () => {
    await using scratch = await openScratch()
    const large = join(scratch.path, 'files', 'large.bin')
    await writeFile(large, '')
    await truncate(large, 5_000 * MIB)
    const small = await scratch.makeFile('small.bin', 3 * MIB)
    await using test = await openTestStack(scratch)
    const first = await submit(test, large, { partSize: MIB })
    await untilJob(test, first.id, ({ parts }) => parts.uploaded > 0)
    const second = await submit(test, small, { partSize: MIB })
    await untilArchived(test, second.id)
    const { parts } = await test.api.getJob(first.id, never)
    assert.equal(parts.total, 5_000)
    assert.ok(parts.uploaded < 2_500, `${parts.uploaded} of 5,000 parts were first`)
    await test.api.command(first.id, 'cancel', never)
    await untilNoUpload(test)
  })
})
