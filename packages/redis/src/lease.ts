import type { RedisClient } from './open-redis.ts'
import { withDeadline } from './with-deadline.ts'

/**
 * Something that one process at a time has, until it says nothing for `ttlMs`. It saves doing
 * things twice and fences nothing: a process that was stopped for longer goes on unaware.
 */
export interface Lease {
  /**
   * Takes the lease, or prolongs it. False while another process has it. Rejects when Redis does
   * not say within a third of `ttlMs`; it may have been taken then.
   */
  readonly hold: (signal: AbortSignal) => Promise<boolean>
  /** Gives it up if it is ours, so that nobody has to wait until it ends. */
  readonly release: (signal: AbortSignal) => Promise<void>
}

/** KEYS: lease. ARGV: holder, TTL. */
const HOLD = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`

/** KEYS: lease. ARGV: holder. */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`

/** @param options.holder must be another for each process, and for each start of it. */
export function createLease(options: {
  readonly redis: RedisClient
  readonly key: string
  readonly holder: string
  readonly ttlMs: number
}): Lease {
  const { redis, key, holder, ttlMs } = options
  const timeoutMs = Math.ceil(ttlMs / 3)
  const run = (lua: string, args: readonly (string | number)[], signal: AbortSignal) => {
    signal.throwIfAborted()
    return withDeadline(redis.eval(lua, 1, key, ...args), timeoutMs, signal)
  }
  return {
    hold: async (signal) => (await run(HOLD, [holder, ttlMs], signal)) === 1,
    async release(signal) {
      await run(RELEASE, [holder], signal)
    },
  }
}
