import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { AppError, type ByteRange, MIB } from '@firn/core'
import { openError } from './source-errors.ts'

const CHUNK_BYTES = MIB / 2
/** What one stream holds at most: a chunk being read, one or two buffered, one being sent. */
export const STREAM_MEMORY_BYTES = 4 * CHUNK_BYTES

/** The bytes of a range of an open file, read as they are wanted. The file stays open. */
export function createRangeStream(path: string, handle: FileHandle, range: ByteRange): Readable {
  const stream = Readable.from(chunks(path, handle, range), {
    objectMode: false,
    highWaterMark: CHUNK_BYTES,
  })
  // A read may fail when nobody listens any more; who listens hears of it too.
  stream.on('error', () => undefined)
  return stream
}

/** Resolves when the stream reads no more; the file may then be closed. */
export async function closeRangeStream(stream: Readable): Promise<void> {
  if (stream.closed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  stream.once('close', resolve)
  stream.destroy()
  await promise
}

async function* chunks(
  path: string,
  handle: FileHandle,
  { start, end }: ByteRange,
): AsyncGenerator<Buffer, void, undefined> {
  let position = start
  while (position < end) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - position))
    const count = await readAt(path, handle, buffer, position)
    if (count === 0) {
      throw new AppError(
        'SOURCE_CHANGED',
        `${JSON.stringify(path)} ends at byte ${position}, before byte ${end}`,
      )
    }
    position += count
    yield buffer.subarray(0, count)
  }
}

async function readAt(
  path: string,
  handle: FileHandle,
  buffer: Buffer,
  position: number,
): Promise<number> {
  try {
    return (await handle.read(buffer, 0, buffer.length, position)).bytesRead
  } catch (error) {
    throw openError(path, error)
  }
}
