/** What the main thread asks of a hash thread. Every request is answered once, in order. */
export type HashRequest =
  | {
      /** Hashes bytes and appends them to the file of `session`. Their memory is handed over. */
      readonly kind: 'append'
      readonly session: number
      readonly path: string
      readonly chunks: readonly Uint8Array<ArrayBuffer>[]
      /** Closes the hashes, appends the leaves to the file and hands the descriptor over. */
      readonly isLast: boolean
    }
  | { readonly kind: 'discard'; readonly session: number }
  | {
      /** Reads the leaves behind the data of a stored part, and proves them against `treeHash`. */
      readonly kind: 'leaves'
      readonly path: string
      readonly dataSizeBytes: number
      readonly treeHash: string
    }
  | {
      /** Reads up to 1 MiB into `memory` and proves it against the hash of its leaf. */
      readonly kind: 'read'
      readonly path: string
      readonly position: number
      readonly length: number
      readonly memory: SharedArrayBuffer
      readonly digest: Uint8Array
    }

export interface FinishedFile {
  /** Open for writing; the main thread syncs and closes it. */
  readonly fd: number
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly sha256: string
  /** Lower-case hex. */
  readonly treeHash: string
}

export type HashResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'finished'; readonly file: FinishedFile }
  | { readonly kind: 'leaves'; readonly digests: Uint8Array }
  /** What is on the disk is not what was stored. */
  | { readonly kind: 'rotten' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

export interface HashCall {
  readonly call: number
  readonly request: HashRequest
}

export interface HashReply {
  readonly call: number
  readonly result: HashResult
}
