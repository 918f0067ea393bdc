import { AppError } from '@firn/core'
import { fill, type RedisMemory } from '@firn/redis'
import { startLoop } from '@firn/runtime'

export interface Admission extends AsyncDisposable {
  /**
   * Throws STORE_UNAVAILABLE while Redis is nearly full: jobs under way need what is left to come
   * to their end, and one that cannot be stored must not be journaled either.
   */
  readonly check: () => void
}

/** Alerts go off at 60 and 70 %; what is left above this is for the jobs that were accepted. */
const FILL_MAX = 0.8
const INTERVAL_MS = 1000

/** Watches the memory of Redis. A look that fails changes nothing: an outage has its own answer. */
export function watchAdmission(deps: {
  readonly readMemory: () => Promise<RedisMemory>
  readonly intervalMs?: number
  readonly onError: (error: unknown) => void
}): Admission {
  let memory: RedisMemory = { usedBytes: 0, maxBytes: 0 }
  const loop = startLoop({
    intervalMs: deps.intervalMs ?? INTERVAL_MS,
    async run() {
      memory = await deps.readMemory()
    },
    onError: deps.onError,
  })
  return {
    check() {
      if (fill(memory) <= FILL_MAX) return
      const percent = Math.round(fill(memory) * 100)
      throw new AppError(
        'STORE_UNAVAILABLE',
        `Redis uses ${percent} % of its memory; no job is accepted above ${FILL_MAX * 100} %`,
      )
    },
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  }
}
