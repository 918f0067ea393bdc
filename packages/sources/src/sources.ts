import type { Readable } from 'node:stream'
import type { ByteRange, Source, SourcePin } from '@firn/core'

/** The bytes of one part, read and hashed once. Dispose of it after the upload. */
export interface PartBody extends AsyncDisposable {
  /**
   * In memory when it fits the budget, else a stream over the same range, read a second time. The
   * memory of a stream's chunks is used again: send or copy each before taking the next, as `pipe`
   * into a request does.
   */
  readonly body: Uint8Array | Readable
  /** Lower-case hex. */
  readonly sha256: string
  /** Lower-case hex. */
  readonly treeHash: string
  /** Rejects with SOURCE_CHANGED when the source is no longer the pinned version. */
  readonly verify: () => Promise<void>
}

/**
 * Reads what jobs archive. Failures are `AppError`s with a SOURCE_ code; every method rejects with
 * the signal's reason when aborted.
 */
export interface Sources {
  /**
   * Looks at a source without reading it and pins its present version. Refuses what is missing,
   * outside the allowed roots, or not a regular file.
   */
  readonly inspect: (source: Source, signal: AbortSignal) => Promise<SourcePin>
  /** Both hashes of the whole of the pinned version, lower-case hex, in bounded memory. */
  readonly hashWhole: (
    input: { readonly source: Source; readonly pin: SourcePin },
    signal: AbortSignal,
  ) => Promise<{ readonly sha256: string; readonly treeHash: string }>
  /**
   * Waits for memory, reads the range of the pinned version and hashes it. Rejects with
   * SOURCE_CHANGED when the source is not the pinned version before or after the read.
   */
  readonly openPart: (
    input: { readonly source: Source; readonly pin: SourcePin; readonly range: ByteRange },
    signal: AbortSignal,
  ) => Promise<PartBody>
}
