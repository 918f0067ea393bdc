import type { JobRef, RunContext } from '@firn/queue'
import type { JobDeps } from './deps.ts'

/**
 * The same handler, which leaves the jobs of vaults that an operator holds as they are. The queue
 * job ends: no attempt is counted, and nothing wakes up to ask again. Queue jobs are hints, and the
 * sweeper makes new ones once the vault is released.
 */
export function skipHeld<Ref extends JobRef>(
  deps: Pick<JobDeps, 'store' | 'controls'>,
  handler: (ref: Ref, run: RunContext) => Promise<void>,
): (ref: Ref, run: RunContext) => Promise<void> {
  return async (ref, run) => {
    const { heldVaults } = deps.controls()
    if (heldVaults.length > 0) {
      const stored = await deps.store.load(ref.jobId, run.signal)
      if (stored !== undefined && heldVaults.includes(stored.job.definition.vault)) return
    }
    await handler(ref, run)
  }
}
