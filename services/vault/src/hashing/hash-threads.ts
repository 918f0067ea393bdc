import { Worker } from 'node:worker_threads'
import { invariant } from '@firn/core'
import type { Block } from './block-pool.ts'
import type {
  FinishedFile,
  HashCall,
  HashReply,
  HashRequest,
  HashResult,
} from './hash-thread-protocol.ts'

/**
 * A file that grows while both its hashes are taken, all in one thread. Chunks are given away:
 * afterwards they are empty.
 */
export interface HashedFile {
  /** Resolves once the bytes are hashed and handed to the kernel. */
  readonly append: (chunks: readonly Uint8Array[]) => Promise<void>
  /** The last bytes, which may be none. The caller then owns the descriptor. */
  readonly finish: (chunks: readonly Uint8Array[]) => Promise<FinishedFile>
  /** Closes and deletes what there is; nothing once `finish` has handed it over. */
  readonly discard: () => Promise<void>
}

/** Threads that hash, write and read beside the event loop. A failed file operation rejects. */
export interface HashThreads extends AsyncDisposable {
  readonly createFile: (path: string) => HashedFile
  /** The leaves of a stored part, 32 bytes each; undefined when they do not match `treeHash`. */
  readonly readLeaves: (part: {
    readonly path: string
    readonly dataSizeBytes: number
    readonly treeHash: string
  }) => Promise<Uint8Array | undefined>
  /** Fills the front of `block` from a file; false when the bytes do not have that hash. */
  readonly read: (
    block: Block,
    input: {
      readonly path: string
      readonly position: number
      readonly length: number
      readonly digest: Uint8Array
    },
  ) => Promise<boolean>
}

/** A file operation that failed in a thread, with the system's error code, such as ENOSPC. */
export class FileOperationError extends Error {
  override readonly name = 'FileOperationError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

interface Thread {
  readonly ask: (request: HashRequest, transfer?: readonly ArrayBuffer[]) => Promise<HashResult>
  readonly load: () => number
  readonly stop: () => Promise<void>
}

function startThread(): Thread {
  // Descriptors opened there are closed here, so the worker must not think that it owns them.
  const worker = new Worker(new URL('./hash-thread.ts', import.meta.url), {
    trackUnmanagedFds: false,
  })
  const pending = new Map<number, (result: HashResult) => void>()
  let lastCall = 0
  worker.on('message', ({ call, result }: HashReply) => {
    pending.get(call)?.(result)
    pending.delete(call)
  })
  return {
    load: () => pending.size,
    async ask(request, transfer = []) {
      lastCall += 1
      const message: HashCall = { call: lastCall, request }
      const { promise, resolve } = Promise.withResolvers<HashResult>()
      pending.set(message.call, resolve)
      worker.postMessage(message, transfer)
      const result = await promise
      if (result.kind === 'failed') throw new FileOperationError(result.code, result.message)
      return result
    },
    async stop() {
      await worker.terminate()
    },
  }
}

export function openHashThreads(threadCount: number): HashThreads {
  const threads = Array.from({ length: threadCount }, startThread)
  const sessionCounts = new Map<Thread, number>()
  const burden = (thread: Thread): number => thread.load() + (sessionCounts.get(thread) ?? 0)
  const leastBusy = (): Thread => {
    return threads.reduce((best, one) => (burden(one) < burden(best) ? one : best))
  }
  let lastSession = 0

  return {
    createFile(path) {
      lastSession += 1
      const thread = leastBusy()
      sessionCounts.set(thread, (sessionCounts.get(thread) ?? 0) + 1)
      const onEnd = (): void => {
        sessionCounts.set(thread, (sessionCounts.get(thread) ?? 1) - 1)
      }
      return createHashedFile({ thread, path, session: lastSession, onEnd })
    },
    async readLeaves(part) {
      const result = await leastBusy().ask({ kind: 'leaves', ...part })
      return result.kind === 'leaves' ? result.digests : undefined
    },
    async read(block, input) {
      const result = await leastBusy().ask({ kind: 'read', memory: block.memory, ...input })
      return result.kind === 'done'
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(threads.map((thread) => thread.stop()))
    },
  }
}

function createHashedFile(input: {
  readonly thread: Thread
  readonly path: string
  readonly session: number
  readonly onEnd: () => void
}): HashedFile {
  const { thread, path, session } = input
  let hasEnded = false
  const onEnd = (): void => {
    if (!hasEnded) input.onEnd()
    hasEnded = true
  }
  const send = (given: readonly Uint8Array[], isLast: boolean): Promise<HashResult> => {
    const chunks = given.map(ownBytes)
    const transfer = chunks.map((chunk) => chunk.buffer)
    return thread.ask({ kind: 'append', session, path, chunks, isLast }, transfer)
  }
  return {
    async append(chunks) {
      await send(chunks, false)
    },
    async finish(chunks) {
      const result = await send(chunks, true)
      invariant(result.kind === 'finished', `the last bytes answered with ${result.kind}`)
      onEnd()
      return result.file
    },
    async discard() {
      onEnd()
      await thread.ask({ kind: 'discard', session })
    },
  }
}

/** Only memory that nothing else looks into can be handed over; the rest is copied. */
function ownBytes(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = chunk
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  return isWhole ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(chunk)
}
