import { invariant } from '@firn/core'
import type { HashPool } from './hash-pool.ts'
import { createThreadRoster } from './thread-roster.ts'

/**
 * Starts `threads` worker threads (at least 1) that take tasks in the order in which they came,
 * and resolves when all have loaded. About one thread a core is right: hashing is what they do.
 *
 * A thread that dies rejects its task with INTERNAL and is replaced. Disposing rejects what waits
 * and what runs, then ends the threads.
 */
export async function openHashPool(options: { readonly threads: number }): Promise<HashPool> {
  const { threads } = options
  invariant(Number.isInteger(threads) && threads >= 1, `${threads} hash threads`)
  const roster = createThreadRoster(threads)
  try {
    await roster.ready()
  } catch (error) {
    await roster.close()
    throw error
  }
  return {
    async hashFile(input, signal) {
      const thread = await roster.borrow(signal)
      try {
        return await thread.run(input, signal)
      } finally {
        roster.giveBack(thread)
      }
    },
    [Symbol.asyncDispose]: () => roster.close(),
  }
}
