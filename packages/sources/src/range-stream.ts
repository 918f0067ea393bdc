import type { FileHandle } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { AppError, type ByteRange, invariant, MIB } from '@firn/core'
import { openError } from './source-errors.ts'

/** A chunk being read, one buffered, one being sent, and one to spare. */
const CHUNKS = 4
/** What a stream is best given to work with. */
export const STREAM_MEMORY_BYTES = 2 * MIB

/**
 * The bytes of a range of an open file, read as they are wanted. The file stays open.
 *
 * Chunks are views of `memory`, used again in turn: fresh ones would pile up by the hundred before
 * the garbage collector came for them. So each must be sent or copied before the next is taken, as
 * `pipe` into a request does, which waits for the socket to drain.
 *
 * @param memory at least {@link CHUNKS} bytes, the stream's own until it is closed.
 */
export function createRangeStream(
  path: string,
  handle: FileHandle,
  { range, memory }: { readonly range: ByteRange; readonly memory: Uint8Array },
): Readable {
  const chunkBytes = Math.floor(memory.length / CHUNKS)
  const buffers = Array.from({ length: CHUNKS }, (_, index) =>
    memory.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  )
  const stream = Readable.from(chunks(path, handle, range, buffers), {
    objectMode: false,
    highWaterMark: chunkBytes,
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
  buffers: readonly Uint8Array[],
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = start
  for (let turn = 0; position < end; turn += 1) {
    const buffer = buffers[turn % buffers.length]
    invariant(buffer, 'a stream without memory')
    const length = Math.min(buffer.length, end - position)
    const count = await readAt(path, handle, { buffer, length, position })
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
  to: { readonly buffer: Uint8Array; readonly length: number; readonly position: number },
): Promise<number> {
  try {
    return (await handle.read(to.buffer, 0, to.length, to.position)).bytesRead
  } catch (error) {
    throw openError(path, error)
  }
}
