import type { FinishedFile } from './hash-thread-protocol.ts'
import type { HashedFile } from './hash-threads.ts'

/** What a body may pile up while its thread is busy with what came before. */
const PENDING_MAX_BYTES = 1024 ** 2
/** The same when memory is short: the size of one chunk. */
const PENDING_SHORT_BYTES = 64 * 1024

/** Counts the bytes of all bodies that were received and are not yet written. */
export interface ByteBudget {
  readonly add: (bytes: number) => void
  readonly subtract: (bytes: number) => void
  readonly isSpent: () => boolean
}

export function createByteBudget(maxBytes: number): ByteBudget {
  let usedBytes = 0
  return {
    add(bytes) {
      usedBytes += bytes
    },
    subtract(bytes) {
      usedBytes -= bytes
    },
    isSpent: () => usedBytes >= maxBytes,
  }
}

/** Collects the chunks of a body and passes them on to its file. */
export interface Collector {
  /** Takes the chunk. Unless undefined, no other should come before the promise resolves. */
  readonly take: (chunk: Uint8Array) => Promise<void> | undefined
  readonly finish: () => Promise<FinishedFile>
  /** Gives the file up. Also after a failure of the other two. */
  readonly discard: () => Promise<void>
}

/**
 * Chunks go to the thread as soon as it is idle, else all together when it is: a slow sender holds
 * no memory, and a fast one costs few messages.
 */
export function createCollector(input: {
  readonly file: HashedFile
  readonly budget: ByteBudget
}): Collector {
  const { file, budget } = input
  let pending: Uint8Array[] = []
  let pendingBytes = 0
  let sending: Promise<void> | undefined
  let failure: { readonly error: unknown } | undefined

  const takePending = (): { readonly chunks: Uint8Array[]; readonly bytes: number } => {
    const taken = { chunks: pending, bytes: pendingBytes }
    pending = []
    pendingBytes = 0
    return taken
  }

  const send = (): void => {
    const { chunks, bytes } = takePending()
    sending = file
      .append(chunks)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        budget.subtract(bytes)
        sending = undefined
        if (pending.length > 0) send()
      })
  }

  return {
    take(chunk) {
      budget.add(chunk.length)
      pending.push(chunk)
      pendingBytes += chunk.length
      if (sending === undefined) send()
      else if (pendingBytes >= (budget.isSpent() ? PENDING_SHORT_BYTES : PENDING_MAX_BYTES)) {
        return sending.then(() => {
          if (failure !== undefined) throw failure.error
        })
      }
      return undefined
    },
    async finish() {
      const { chunks, bytes } = takePending()
      try {
        return await file.finish(chunks)
      } finally {
        budget.subtract(bytes)
        await sending
      }
    },
    async discard() {
      budget.subtract(takePending().bytes)
      await sending
      await file.discard()
    },
  }
}
