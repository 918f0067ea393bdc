import { AppError } from '@firn/core'
import { fill, type RedisMemory } from '@firn/redis'
import { startLoop } from '@firn/runtime'

export interface Admission extends AsyncDisposable {
  /**
   * Admits one job, or throws STORE_UNAVAILABLE while Redis is nearly full: jobs under way need
   * what is left to come to their end, and one that cannot be stored must not be journaled either.
   */
  readonly check: () => void
}

/** Alerts go off at 60 and 70 %; what is left above this is for windows of parts. */
const FILL_MAX = 0.8
const INTERVAL_MS = 1000

/**
 * What a job takes when it is accepted, and what it takes besides by the time it is archived, but
 * for its parts: 4.1 and 2.4 KB as measured, rounded up.
 */
const JOB_BYTES = 4.5 * 1024
const GROWTH_BYTES = 3 * 1024

/**
 * Watches the memory of Redis, and knows what the jobs that are queued will need: a queue that
 * fills Redis before anything of it is done would stand still for ever. A look that fails changes
 * nothing: an outage has its own answer.
 */
export function watchAdmission(deps: {
  readonly readMemory: (signal: AbortSignal) => Promise<RedisMemory>
  /** Jobs that were accepted and not begun. */
  readonly countQueued: (signal: AbortSignal) => Promise<number>
  readonly intervalMs?: number
  readonly onError: (error: unknown) => void
}): Admission {
  let memory: RedisMemory = { usedBytes: 0, maxBytes: 0 }
  let queuedCount = 0
  let admittedCount = 0
  const loop = startLoop({
    intervalMs: deps.intervalMs ?? INTERVAL_MS,
    firstMs: 0,
    async run(signal) {
      const admittedBefore = admittedCount
      ;[memory, queuedCount] = await Promise.all([
        deps.readMemory(signal),
        deps.countQueued(signal),
      ])
      // Those that came meanwhile may not have been seen yet.
      admittedCount -= admittedBefore
    },
    onError: deps.onError,
  })
  return {
    check() {
      const neededBytes =
        queuedCount * GROWTH_BYTES + (admittedCount + 1) * (JOB_BYTES + GROWTH_BYTES)
      const { maxBytes } = memory
      const wanted = fill({ maxBytes, usedBytes: memory.usedBytes + neededBytes })
      if (wanted > FILL_MAX) throw full(fill(memory), wanted)
      admittedCount += 1
    },
    [Symbol.asyncDispose]: () => loop[Symbol.asyncDispose](),
  }
}

function full(used: number, wanted: number): AppError {
  const percent = (share: number): number => Math.round(share * 100)
  return new AppError(
    'STORE_UNAVAILABLE',
    `Redis uses ${percent(used)} % of its memory, and would use ${percent(wanted)} % once the jobs ` +
      `that wait are done; no job is accepted above ${percent(FILL_MAX)} %`,
  )
}
