import { type Job, unreachable, workFor } from '@firn/core'
import type { JobDeps } from './deps.ts'

/**
 * Announces the work that a job's state calls for. Safe to repeat at any time: queue jobs have
 * deterministic ids, and handlers look at the state first. Called after every change of state,
 * and by the sweeper for whatever a crash swallowed in between. Nothing is begun for a vault that
 * an operator holds; the sweeper announces it once the vault is released.
 *
 * @returns whether there was anything to announce.
 */
export async function enqueueWork(deps: JobDeps, job: Job, signal: AbortSignal): Promise<boolean> {
  const { priority } = job
  const { id: jobId, vault } = job.definition
  const ref = { jobId, generation: job.progress.generation }
  const { heldVaults, windowParts } = deps.controls()
  const isHeld = heldVaults.includes(vault)
  const work = workFor(job.progress)
  switch (work) {
    case undefined:
      return false
    case 'open':
      if (isHeld) return false
      await deps.queues.addOpen(ref, priority, signal)
      return true
    case 'upload-parts': {
      await deps.store.openParts(ref, windowParts, signal)
      // Not only those just opened: parts handed out earlier may have lost their queue job.
      const parts = await deps.store.unfinishedParts(ref, windowParts, signal)
      if (parts.length === 0) await deps.queues.addFinalize(ref, signal)
      else if (isHeld) return false
      else await deps.queues.addParts(ref, parts, priority, signal)
      return true
    }
    case 'finalize':
      await deps.queues.addFinalize(ref, signal)
      return true
    case 'abort':
      await deps.queues.addAbort(ref, signal)
      return true
    default:
      return unreachable(work)
  }
}
