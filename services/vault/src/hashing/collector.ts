import { MIB } from '@firn/core'
import type { Block, BlockPool } from './block-pool.ts'
import type { FinishedFile } from './hash-thread-protocol.ts'
import type { HashedFile } from './hash-threads.ts'

/** Blocks of one body that may wait to be hashed: one is filled while another is worked on. */
const QUEUED_BLOCKS_MAX = 2

/** Copies chunks into blocks and passes full blocks on. */
export interface Collector {
  /** Undefined when the chunk was taken; else resolves when it was, and no other may come first. */
  readonly take: (chunk: Uint8Array) => Promise<void> | undefined
  readonly finish: () => Promise<FinishedFile>
  readonly discard: () => Promise<void>
}

export function createCollector(input: {
  readonly file: HashedFile
  readonly pool: BlockPool
}): Collector {
  const { file, pool } = input
  const stop = new AbortController()
  const queued = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  let block: Block | undefined
  let filled = 0

  const dispatch = (full: Block): void => {
    const sent = file
      .append(full, filled)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => queued.delete(sent))
    queued.add(sent)
    block = undefined
    filled = 0
  }

  const roomyBlock = (): Block | undefined => {
    if (block !== undefined && filled === MIB) dispatch(block)
    if (block === undefined && queued.size < QUEUED_BLOCKS_MAX) block = pool.tryAcquire()
    return block
  }

  /** Takes what fits without waiting; returns what is left. */
  const takeNow = (chunk: Uint8Array): Uint8Array => {
    let rest = chunk
    while (rest.length > 0) {
      const target = roomyBlock()
      if (target === undefined) return rest
      const count = Math.min(rest.length, MIB - filled)
      target.bytes.set(rest.subarray(0, count), filled)
      filled += count
      rest = rest.subarray(count)
    }
    // The next bytes may be long in coming, and somebody could use the memory meanwhile.
    if (block !== undefined && pool.isContended()) dispatch(block)
    return rest
  }

  const takeWaiting = async (chunk: Uint8Array): Promise<void> => {
    let rest = chunk
    while (rest.length > 0) {
      if (failure !== undefined) throw failure.error
      if (queued.size >= QUEUED_BLOCKS_MAX) await Promise.race(queued)
      else block ??= await pool.acquire(stop.signal)
      rest = takeNow(rest)
    }
  }

  const settle = async (): Promise<void> => {
    stop.abort()
    await Promise.all(queued)
  }

  return {
    take(chunk) {
      if (failure !== undefined) return Promise.reject(failure.error)
      const rest = takeNow(chunk)
      return rest.length === 0 ? undefined : takeWaiting(rest)
    },
    async finish() {
      const last = block
      block = undefined
      const [result] = await Promise.all([file.finish(last, filled), settle()])
      return result
    },
    async discard() {
      block?.release()
      block = undefined
      await settle()
      await file.discard()
    },
  }
}
