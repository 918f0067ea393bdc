import { randomUUID } from 'node:crypto'
import { createLease, type RedisClient } from '@firn/redis'
import { startLoop } from '@firn/runtime'

/** Whose turn it is, of several finalizers, to keep house. */
export interface Duty extends AsyncDisposable {
  /**
   * Whether it is ours, by our own clock and with a margin before the lease ends. Nothing relies
   * on it being only ours: what is done twice changes nothing.
   */
  readonly isOn: () => boolean
}

/** Of its time the lease counts as ours for this share; the rest is for clocks and scheduling. */
const SAFE_SHARE = 0.8
const RELEASE_TIMEOUT_MS = 500
const KEY = 'firn:housekeeper'

/**
 * Asks for the lease at once and then three times as often as it lasts.
 *
 * @param options.ttlMs how long a finalizer that died holds up the others.
 */
export function openDuty(options: {
  readonly redis: RedisClient
  readonly ttlMs: number
  readonly onError: (error: unknown) => void
}): Duty {
  const { redis, ttlMs, onError } = options
  const lease = createLease({ redis, key: KEY, holder: randomUUID(), ttlMs })
  let safeUntilMs = Number.NEGATIVE_INFINITY
  const loop = startLoop({
    intervalMs: ttlMs / 3,
    firstMs: 0,
    async run(signal) {
      const askedAtMs = performance.now()
      const isOurs = await lease.hold(signal)
      safeUntilMs = isOurs ? askedAtMs + ttlMs * SAFE_SHARE : Number.NEGATIVE_INFINITY
    },
    onError,
  })
  return {
    isOn: () => performance.now() < safeUntilMs,
    async [Symbol.asyncDispose]() {
      await loop[Symbol.asyncDispose]()
      safeUntilMs = Number.NEGATIVE_INFINITY
      // Only kinder: without it the others wait until the lease ends.
      await lease.release(AbortSignal.timeout(RELEASE_TIMEOUT_MS)).catch(() => undefined)
    },
  }
}
