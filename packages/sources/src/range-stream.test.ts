import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, it } from 'node:test'
import { createRangeStream } from './range-stream.ts'

const data = randomBytes(1_000_003)
let folder: string
let path: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firn-range-stream-'))
  path = join(folder, 'data')
  await writeFile(path, data)
})
after(() => rm(folder, { recursive: true }))

/** Looks at a chunk only when it has had it for a while, as a socket does with what it sends. */
function slowSocket(sent: Buffer[]): Writable {
  return new Writable({
    highWaterMark: 1,
    write(chunk: Uint8Array, _encoding, done) {
      let turns = 20
      const later = (): void => {
        turns -= 1
        if (turns > 0) return void setImmediate(later)
        sent.push(Buffer.from(chunk))
        done()
      }
      later()
    },
  })
}

describe('createRangeStream()', () => {
  it('delivers exact bytes to a slow consumer although it uses its memory again', async () => {
    await using handle = await open(path)
    const memory = new Uint8Array(new SharedArrayBuffer(64 * 1024))
    for (const range of [
      { start: 0, end: data.length },
      { start: 77, end: 500_000 },
      { start: 999_999, end: 1_000_003 },
    ]) {
      const sent: Buffer[] = []
      await pipeline(createRangeStream(path, handle, { range, memory }), slowSocket(sent))
      assert.ok(Buffer.concat(sent).equals(data.subarray(range.start, range.end)))
    }
  })

  it('takes no memory for its chunks but what it was given', async () => {
    await using handle = await open(path)
    const memory = new Uint8Array(new SharedArrayBuffer(64 * 1024))
    const range = { start: 0, end: data.length }
    for await (const chunk of createRangeStream(path, handle, { range, memory })) {
      assert.equal(chunk.buffer, memory.buffer)
    }
  })
})
