import type { FileHandle } from 'node:fs/promises'
import { AppError, invariant, type Source, type SourcePin } from '@firn/core'
import type { HashPool } from '@firn/hashing'
import { createAllowedRoots } from './allowed-roots.ts'
import { createMemoryArena } from './memory-arena.ts'
import { openRegularFile } from './open-regular-file.ts'
import { closeRangeStream, createRangeStream, STREAM_MEMORY_BYTES } from './range-stream.ts'
import { pinOf, requireSamePin } from './source-pin.ts'
import type { PartBody, Sources } from './sources.ts'

export interface SourcesOptions {
  /** Absolute directories; files are read from inside these only. */
  readonly roots: readonly string[]
  readonly hashPool: HashPool
  /** For the bytes of parts: 1 MiB or more. A part that is larger is read twice instead. */
  readonly memoryBytes: number
}

/** Reads `file` sources. Memory for parts is committed as it is used, up to `memoryBytes`. */
export function createSources(options: SourcesOptions): Sources {
  const { hashPool } = options
  const roots = createAllowedRoots(options.roots)
  const arena = createMemoryArena(options.memoryBytes)

  /** The file, open, if it still is the pinned version. */
  async function openPinned(source: Source, pin: SourcePin): Promise<FileHandle> {
    const handle = await openRegularFile(source.path, roots)
    try {
      requireSamePin(source.path, pin, await pinOf(source.path, handle))
      return handle
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  return {
    async inspect({ path }, signal) {
      signal.throwIfAborted()
      await using handle = await openRegularFile(path, roots)
      const pin = await pinOf(path, handle)
      signal.throwIfAborted()
      if (pin.sizeBytes > 0) return pin
      const message = `${JSON.stringify(path)} is empty, and Glacier holds no empty archive`
      throw new AppError('SOURCE_EMPTY', message)
    },

    async hashWhole({ source, pin }, signal) {
      signal.throwIfAborted()
      await using handle = await openPinned(source, pin)
      const range = { start: 0, end: pin.sizeBytes }
      const hashes = await hashPool.hashFile({ fd: handle.fd, range, into: null }, signal)
      requireSamePin(source.path, pin, await pinOf(source.path, handle))
      return hashes
    },

    async openPart({ source, pin, range }, signal) {
      const sizeBytes = range.end - range.start
      invariant(sizeBytes > 0 && range.end <= pin.sizeBytes, `range ${range.start}-${range.end}`)
      const isHeld = sizeBytes <= arena.capacityBytes
      await using resources = new AsyncDisposableStack()
      const shareBytes = isHeld ? sizeBytes : Math.min(STREAM_MEMORY_BYTES, arena.capacityBytes)
      const loan = resources.use(await arena.borrow(shareBytes, signal))
      const handle = resources.use(await openPinned(source, pin))
      const into = isHeld ? loan.bytes : null
      const { sha256, treeHash } = await hashPool.hashFile({ fd: handle.fd, range, into }, signal)
      const verify = async () => requireSamePin(source.path, pin, await pinOf(source.path, handle))
      await verify()
      signal.throwIfAborted()
      const body = into ?? createRangeStream(source.path, handle, range)
      if (!(body instanceof Uint8Array)) {
        // Closed before the file is: it may be reading.
        resources.defer(() => closeRangeStream(body))
      }
      const owned = resources.move()
      return {
        body,
        sha256,
        treeHash,
        verify,
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      } satisfies PartBody
    },
  }
}
