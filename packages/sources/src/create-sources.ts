import { AppError, invariant, requireSamePin, type SourcePin } from '@firn/core'
import type { HashFileInput, HashPool, RangeHashes } from '@firn/hashing'
import { createAllowedRoots } from './allowed-roots.ts'
import { createMemoryArena } from './memory-arena.ts'
import { createOpenFiles, type FileLoan } from './open-files.ts'
import { closeQuietly, openRegularFile, pinOf } from './open-regular-file.ts'
import { closeRangeStream, createRangeStream, STREAM_MEMORY_BYTES } from './range-stream.ts'
import type { Sources } from './sources.ts'

export interface SourcesOptions {
  /** Absolute directories; files are read from inside these only. */
  readonly roots: readonly string[]
  readonly hashPool: HashPool
  /** For the bytes of parts: 1 MiB or more. A part that is larger is read twice instead. */
  readonly memoryBytes: number
}

/** Reads `file` sources. Memory for parts is committed as it is used, up to `memoryBytes`. */
export function createSources({ roots, hashPool, memoryBytes }: SourcesOptions): Sources {
  const allowedRoots = createAllowedRoots(roots)
  const open = (path: string) => openRegularFile(path, allowedRoots)
  const files = createOpenFiles({ open, idleMs: 1000, ageMaxMs: 5000 })
  const arena = createMemoryArena(memoryBytes)

  async function look(path: string): Promise<SourcePin> {
    const handle = await open(path)
    try {
      return await pinOf(path, handle)
    } finally {
      await closeQuietly(handle)
    }
  }

  async function hashFile(
    { handle, discard }: FileLoan,
    input: Omit<HashFileInput, 'fd'>,
    signal: AbortSignal,
  ): Promise<RangeHashes> {
    try {
      return await hashPool.hashFile({ fd: handle.fd, ...input }, signal)
    } catch (error) {
      discard()
      throw error
    }
  }

  return {
    async inspect({ path }, signal) {
      signal.throwIfAborted()
      const pin = await look(path)
      signal.throwIfAborted()
      if (pin.sizeBytes > 0) return pin
      const message = `${JSON.stringify(path)} is empty, and Glacier holds no empty archive`
      throw new AppError('SOURCE_EMPTY', message)
    },

    async hashWhole({ source, pin }, signal) {
      signal.throwIfAborted()
      await using file = await files.borrow(source.path, pin)
      const range = { start: 0, end: pin.sizeBytes }
      return await hashFile(file, { range, pin, into: null }, signal)
    },

    async openPart({ source, pin, range }, signal) {
      const sizeBytes = range.end - range.start
      invariant(sizeBytes > 0 && range.end <= pin.sizeBytes, `range ${range.start}-${range.end}`)
      const isHeld = sizeBytes <= arena.capacityBytes
      await using resources = new AsyncDisposableStack()
      const shareBytes = isHeld ? sizeBytes : Math.min(STREAM_MEMORY_BYTES, arena.capacityBytes)
      const memory = resources.use(await arena.borrow(shareBytes, signal))
      const file = resources.use(await files.borrow(source.path, pin))
      const { handle } = file
      const into = isHeld ? memory.bytes : null
      const hashes = await hashFile(file, { range, pin, into }, signal)
      const body = into ?? createRangeStream(source.path, handle, { range, memory: memory.bytes })
      if (!(body instanceof Uint8Array)) {
        // Before the file is closed and the memory lent again: it may be reading.
        resources.defer(() => closeRangeStream(body))
      }
      const owned = resources.move()
      return {
        ...hashes,
        body,
        verify: async () => requireSamePin(pin, await pinOf(source.path, handle)),
        [Symbol.asyncDispose]: () => owned.disposeAsync(),
      }
    },
  }
}
