import { invariant, PART_SIZE_MAX_BYTES } from '@firn/core'
import type { HashPool } from './hash-pool.ts'
import { createThreadRoster } from './thread-roster.ts'

/**
 * Starts `threads` worker threads (at least 1) that take tasks in the order in which they came,
 * and resolves when all have loaded. About one thread a core is right: hashing is what they do.
 *
 * Ranges longer than any part are whole files, hashed for minutes or hours; they have one thread
 * more, of their own, so that parts never wait behind them.
 *
 * A thread that dies rejects its task with HASHING_FAILED and is replaced. Disposing rejects what waits
 * and what runs, then ends the threads.
 */
export async function openHashPool(options: { readonly threads: number }): Promise<HashPool> {
  const { threads } = options
  invariant(Number.isInteger(threads) && threads >= 1, `${threads} hash threads`)
  const forParts = createThreadRoster(threads)
  const forFiles = createThreadRoster(1)
  try {
    await forParts.warmUp()
  } catch (error) {
    await forParts.close()
    throw error
  }
  return {
    async hashFile(input, signal) {
      const { start, end } = input.range
      const roster = end - start > PART_SIZE_MAX_BYTES ? forFiles : forParts
      const thread = await roster.borrow(signal)
      try {
        return await thread.run(input, signal)
      } finally {
        roster.giveBack(thread)
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([forParts.close(), forFiles.close()])
    },
  }
}
