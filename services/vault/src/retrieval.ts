import { Readable } from 'node:stream'
import { foldTreeHash, MIB } from '@firn/core'
import type { Block, BlockPool } from './hashing/block-pool.ts'
import type { HashThreads } from './hashing/hash-threads.ts'
import type { ArchivePart } from './storage/archive-store.ts'
import type { Archive, Vault } from './storage/catalog.ts'
import type { VaultStore } from './storage/vault-store.ts'
import type { InclusiveRange } from './tree-hash-range.ts'

const DIGEST_BYTES = 32

/** The disk does not hold any more what was stored: better no bytes than wrong ones. */
export class RottenDataError extends Error {
  override readonly name = 'RottenDataError'
}

/** Reads archives back. Every leaf of 1 MiB is proved against its hash before any of it leaves. */
export interface Retrieval {
  /** The tree hash of a range that is tree-hash aligned: lower-case hex. */
  readonly rangeTreeHash: (vault: Vault, archive: Archive, range: InclusiveRange) => Promise<string>
  /**
   * The bytes of a range. Rejects when the first leaf is not sound; a later one destroys the
   * stream. The archive's data is held until the stream closes.
   */
  readonly openRange: (vault: Vault, archive: Archive, range: InclusiveRange) => Promise<Readable>
}

/** A piece of one leaf: where it is, and which of its bytes are wanted. */
interface Slice {
  readonly path: string
  readonly position: number
  readonly length: number
  readonly digest: Uint8Array
  readonly from: number
  readonly to: number
}

interface Dependencies {
  readonly store: VaultStore
  readonly threads: HashThreads
  readonly pool: BlockPool
}

export function createRetrieval({ store, threads, pool }: Dependencies): Retrieval {
  const leavesOf = async (part: ArchivePart): Promise<Uint8Array> => {
    const { path, sizeBytes, treeHash } = part
    if (sizeBytes <= MIB) return Buffer.from(treeHash, 'hex')
    const leaves = await threads.readLeaves({ path, dataSizeBytes: sizeBytes, treeHash })
    if (leaves === undefined) throw new RottenDataError(`The hashes in "${path}" are damaged`)
    return leaves
  }

  const read = async (slice: Slice, signal: AbortSignal): Promise<Block> => {
    const block = await pool.acquire(signal)
    try {
      if (await threads.read(block, slice)) return block
    } catch (error) {
      block.release()
      throw error
    }
    block.release()
    throw new RottenDataError(`The bytes at ${slice.position} of "${slice.path}" are damaged`)
  }

  return {
    async rangeTreeHash(vault, archive, range) {
      const { sizeBytes, treeHash, partSizeBytes } = archive.header
      if (range.first === 0 && range.last === sizeBytes - 1) return treeHash
      const parts = await store.readParts(vault, archive)
      const firstPart = Math.floor(range.first / partSizeBytes)
      const lastPart = Math.floor(range.last / partSizeBytes)
      const part = parts[firstPart]
      if (part === undefined) throw new RottenDataError(`"${archive.key}" lacks part ${firstPart}`)
      if (lastPart > firstPart) {
        const roots = parts
          .slice(firstPart, lastPart + 1)
          .map((one) => Buffer.from(one.treeHash, 'hex'))
        return foldTreeHash(roots).toString('hex')
      }
      const start = range.first - firstPart * partSizeBytes
      const end = range.last + 1 - firstPart * partSizeBytes
      const leaves = splitDigests(await leavesOf(part))
      return foldTreeHash(leaves.slice(start / MIB, Math.ceil(end / MIB))).toString('hex')
    },

    async openRange(vault, archive, range) {
      // Held from here on: a deletion meanwhile must leave the files.
      archive.readerCount += 1
      const release = async (): Promise<void> => {
        archive.readerCount -= 1
        await store.releaseData(vault, archive)
      }
      try {
        const { partSizeBytes } = archive.header
        const parts = await store.readParts(vault, archive)
        const slices = slicesOf({ parts, leavesOf, range, partSizeBytes })
        const chunks = readAhead(slices, read)
        return toStream(await chunks.next(), chunks, release)
      } catch (error) {
        await release()
        throw error
      }
    },
  }
}

function splitDigests(bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: bytes.length / DIGEST_BYTES }, (_, index) =>
    bytes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
  )
}

async function* slicesOf(input: {
  readonly parts: readonly ArchivePart[]
  readonly leavesOf: (part: ArchivePart) => Promise<Uint8Array>
  readonly range: InclusiveRange
  readonly partSizeBytes: number
}): AsyncGenerator<Slice, void, void> {
  const { parts, range, partSizeBytes } = input
  const end = range.last + 1
  for (let at = range.first; at < end; ) {
    const index = Math.floor(at / partSizeBytes)
    const part = parts[index]
    if (part === undefined) throw new RottenDataError(`part ${index} is missing`)
    const partStart = index * partSizeBytes
    const digests = splitDigests(await input.leavesOf(part))
    const stop = Math.min(end - partStart, part.sizeBytes)
    for (let offset = at - partStart; offset < stop; ) {
      const leaf = Math.floor(offset / MIB)
      const position = leaf * MIB
      const length = Math.min(MIB, part.sizeBytes - position)
      const to = Math.min(stop - position, length)
      const digest = digests[leaf]
      if (digest === undefined) throw new RottenDataError(`"${part.path}" lacks leaf ${leaf}`)
      yield { path: part.path, position, length, digest, from: offset - position, to }
      offset = position + to
    }
    at = partStart + stop
  }
}

/** A verified piece; its memory goes back to the pool when the next one is asked for. */
type Chunks = AsyncGenerator<Uint8Array, void, void>

/** Reads one slice ahead of the one that is being sent. */
async function* readAhead(
  slices: AsyncIterable<Slice>,
  read: (slice: Slice, signal: AbortSignal) => Promise<Block>,
): Chunks {
  const stop = new AbortController()
  let ahead: { readonly slice: Slice; readonly block: Promise<Block> } | undefined
  const begin = (slice: Slice) => {
    const block = read(slice, stop.signal)
    block.catch(() => {})
    return { slice, block }
  }
  try {
    for await (const slice of slices) {
      const current = ahead
      ahead = begin(slice)
      if (current !== undefined) yield* emit(current)
    }
    const last = ahead
    ahead = undefined
    if (last !== undefined) yield* emit(last)
  } finally {
    stop.abort()
    const unused = await ahead?.block.catch(() => undefined)
    unused?.release()
  }
}

async function* emit(read: { readonly slice: Slice; readonly block: Promise<Block> }): Chunks {
  const block = await read.block
  try {
    yield block.bytes.subarray(read.slice.from, read.slice.to)
  } finally {
    block.release()
  }
}

/**
 * A stream over chunks whose memory may be used only until the next one is asked for: so it copies
 * them, and asks only when the reader wants more.
 */
function toStream(
  first: IteratorResult<Uint8Array, void>,
  chunks: Chunks,
  release: () => Promise<void>,
): Readable {
  async function* copies(): AsyncGenerator<Buffer, void, void> {
    for (let next = first; next.done !== true; next = await chunks.next()) {
      yield Buffer.from(next.value)
    }
  }
  const stream = Readable.from(copies(), { objectMode: false, highWaterMark: MIB })
  // Not in the generator's own `finally`: one that was never started does not run it.
  stream.once('close', () => {
    chunks
      .return()
      .then(release, release)
      .catch(() => {})
  })
  return stream
}
