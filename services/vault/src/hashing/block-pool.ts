import { MIB } from '@firn/core'

/** A piece of memory that threads share. Whoever holds it must release it, once. */
export interface Block {
  readonly memory: SharedArrayBuffer
  readonly bytes: Uint8Array
  readonly release: () => void
}

/** A fixed number of blocks of 1 MiB, allocated when they are first needed. */
export interface BlockPool {
  /** First come, first served. Rejects with the signal's reason. */
  readonly acquire: (signal: AbortSignal) => Promise<Block>
}

export function createBlockPool(blockCountMax: number): BlockPool {
  const free: SharedArrayBuffer[] = []
  const waiting = new Set<(block: Block) => void>()
  let allocated = 0

  const lend = (memory: SharedArrayBuffer): Block => ({
    memory,
    bytes: new Uint8Array(memory),
    release() {
      const [next] = waiting
      if (next === undefined) {
        free.push(memory)
      } else {
        waiting.delete(next)
        next(lend(memory))
      }
    },
  })

  const take = (): SharedArrayBuffer | undefined => {
    const memory = free.pop()
    if (memory !== undefined || allocated >= blockCountMax) return memory
    allocated += 1
    return new SharedArrayBuffer(MIB)
  }

  return {
    async acquire(signal) {
      signal.throwIfAborted()
      const memory = take()
      if (memory !== undefined) return lend(memory)
      const { promise, resolve, reject } = Promise.withResolvers<Block>()
      const onAbort = (): void => {
        if (waiting.delete(resolve)) reject(signal.reason)
      }
      waiting.add(resolve)
      signal.addEventListener('abort', onAbort, { once: true })
      return promise.finally(() => signal.removeEventListener('abort', onAbort))
    },
  }
}
