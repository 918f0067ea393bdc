import { AppError } from '@firn/core'
import type { Handler, JobRef } from '@firn/queue'
import { fill, type RedisMemory } from '@firn/redis'
import { watchValue } from '@firn/runtime'
import type { JobStore } from '@firn/store'

export interface MemoryGate extends AsyncDisposable {
  /**
   * The same handler, which opens no upload while Redis is nearly full: what is left is for jobs
   * that are under way. The run is repeated later and counts no attempt.
   */
  readonly guard: (handler: Handler<JobRef>) => Handler<JobRef>
}

/** An upload that is opened takes 1 KB for each part of its window; the API stops well below this. */
const FILL_MAX = 0.9
/** In which few uploads are opened. */
const INTERVAL_MS = 250

/** Watches the memory of Redis. A look that fails changes nothing: an outage has its own answer. */
export function openMemoryGate(deps: {
  readonly readMemory: () => Promise<RedisMemory>
  readonly store: Pick<JobStore, 'noteTrouble'>
  readonly onError: (error: unknown) => void
}): MemoryGate {
  const memory = watchValue<RedisMemory>({
    initial: { usedBytes: 0, maxBytes: 0 },
    read: deps.readMemory,
    intervalMs: INTERVAL_MS,
    onError: deps.onError,
  })
  return {
    guard: (handler) => async (ref, run) => {
      const used = fill(memory.current())
      if (used <= FILL_MAX) return await handler(ref, run)
      const error = new AppError(
        'STORE_FULL',
        `Redis uses ${Math.round(used * 100)} % of its memory; no upload is opened above ${FILL_MAX * 100} %`,
      )
      const { code, message } = error
      const trouble = { code, message, isRetryable: true }
      // A Redis that is quite full takes not even this.
      await deps.store.noteTrouble(ref, trouble, run.signal).catch(() => undefined)
      throw error
    },
    [Symbol.asyncDispose]: () => memory[Symbol.asyncDispose](),
  }
}
