import type { ByteRange, SourcePin } from '@firn/core'

export interface RangeHashes {
  /** Linear SHA-256, lower-case hex. */
  readonly sha256: string
  /** SHA-256 tree hash, lower-case hex. */
  readonly treeHash: string
}

export interface HashFileInput {
  readonly fd: number
  readonly range: ByteRange
  /** The version of the file that the bytes have to be of. */
  readonly pin: SourcePin
  /** At least as long as the range; null when only the hashes are wanted. */
  readonly into: Uint8Array<SharedArrayBuffer> | null
}

/**
 * Reads and hashes off the event loop. `fd` is an open file descriptor of this process (threads
 * share them); the caller keeps it open until the promise settles.
 */
export interface HashPool extends AsyncDisposable {
  /**
   * Reads `range` once and returns both hashes of exactly the bytes read. With `into`, the bytes
   * end up there from offset 0; without, memory stays at a few MiB whatever the range. Rejects
   * with SOURCE_CHANGED when the file is not the pinned version before or after the read, or ends
   * before the range does, with SOURCE_UNREADABLE on an I/O error, and with the signal's reason
   * within a few milliseconds of an abort; only after the thread has let go of `fd` and `into`.
   */
  readonly hashFile: (input: HashFileInput, signal: AbortSignal) => Promise<RangeHashes>
}
