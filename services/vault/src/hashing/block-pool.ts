import { MIB } from '@firn/core'

/** A piece of memory that threads share. Whoever holds it must release it, once. */
export interface Block {
  readonly memory: SharedArrayBuffer
  readonly bytes: Uint8Array
  readonly release: () => void
}

/** A fixed number of blocks of 1 MiB: the memory that bodies may take, however many there are. */
export interface BlockPool {
  /** A free block, or undefined when somebody waits for one or none is left. */
  readonly tryAcquire: () => Block | undefined
  /** First come, first served. Rejects with the signal's reason. */
  readonly acquire: (signal: AbortSignal) => Promise<Block>
  /** Somebody waits: a holder that itself waits for the network gives its block up. */
  readonly isContended: () => boolean
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

  const tryAcquire = (): Block | undefined => {
    if (waiting.size > 0) return undefined
    const memory = take()
    return memory === undefined ? undefined : lend(memory)
  }

  return {
    tryAcquire,
    isContended: () => waiting.size > 0,
    async acquire(signal) {
      signal.throwIfAborted()
      const block = tryAcquire()
      if (block !== undefined) return block
      const { promise, resolve, reject } = Promise.withResolvers<Block>()
      const onAbort = (): void => {
        waiting.delete(resolve)
        reject(signal.reason)
      }
      waiting.add(resolve)
      signal.addEventListener('abort', onAbort, { once: true })
      return promise.finally(() => signal.removeEventListener('abort', onAbort))
    },
  }
}
