/** Why a run may not be the only one of its job. */
export type LockLoss = 'lock-lost' | 'lock-unsure'

/**
 * Keeps the lock of one run. Renews it every third of its duration; `onLoss` is called once when
 * the renewal is refused (`lock-lost`: somebody else may have the job), or when none has succeeded
 * for 0.8 of the duration (`lock-unsure`: Redis is away, or this process was stopped), which is
 * before anybody else can get it. Nothing is called after disposal.
 *
 * Own timers for each run because BullMQ keeps its renewals by job id: a job that stalls and comes
 * back to the same worker then loses its renewal to the run before it.
 */
export function holdLock(options: {
  readonly lockDurationMs: number
  /** How long ago the lock was taken. */
  readonly ageMs: number
  /** False when the lock is not ours any longer; rejects or waits while Redis is away. */
  readonly extend: () => Promise<boolean>
  readonly onLoss: (loss: LockLoss) => void
}): Disposable {
  const { lockDurationMs } = options
  const unsureAfterMs = lockDurationMs * 0.8
  let isHeld = true
  let isExtending = false

  const release = (): void => {
    isHeld = false
    clearInterval(beat)
    clearTimeout(guard)
  }
  const lose = (loss: LockLoss): void => {
    if (!isHeld) return
    release()
    options.onLoss(loss)
  }
  // A timer of its own, since a renewal waits for as long as Redis is away.
  const watch = (inMs: number): NodeJS.Timeout =>
    setTimeout(() => lose('lock-unsure'), Math.max(0, inMs))
  const renew = async (): Promise<void> => {
    if (isExtending) return
    isExtending = true
    const sentAtMs = performance.now()
    try {
      const isExtended = await options.extend()
      if (!isExtended) lose('lock-lost')
      if (!isHeld) return
      clearTimeout(guard)
      guard = watch(sentAtMs + unsureAfterMs - performance.now())
    } catch {
      // The guard decides: a failed renewal says nothing about the lock.
    } finally {
      isExtending = false
    }
  }

  let guard = watch(unsureAfterMs - options.ageMs)
  const beat = setInterval(() => void renew(), lockDurationMs / 3)
  return { [Symbol.dispose]: release }
}
