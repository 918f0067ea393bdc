import { type Job, unreachable, workFor } from '@firn/core'
import { type JobDeps, WINDOW_PARTS } from './deps.ts'

/**
 * Announces the work that a job's state calls for. Safe to repeat at any time: queue jobs have
 * deterministic ids, and handlers look at the state first. Called after every change of state,
 * and by the sweeper for whatever a crash swallowed in between.
 */
export async function enqueueWork(deps: JobDeps, job: Job, signal: AbortSignal): Promise<void> {
  const { id: jobId, priority } = job.definition
  const ref = { jobId, generation: job.progress.generation }
  const work = workFor(job.progress)
  switch (work) {
    case undefined:
      return
    case 'open':
      return await deps.queues.addOpen(ref, priority, signal)
    case 'upload-parts': {
      await deps.store.openParts(ref, WINDOW_PARTS, signal)
      // Not only those just opened: parts handed out earlier may have lost their queue job.
      const parts = await deps.store.unfinishedParts(ref, WINDOW_PARTS, signal)
      if (parts.length === 0) return await deps.queues.addFinalize(ref, signal)
      return await deps.queues.addParts(ref, parts, priority, signal)
    }
    case 'finalize':
      return await deps.queues.addFinalize(ref, signal)
    case 'abort':
      return await deps.queues.addAbort(ref, signal)
    default:
      return unreachable(work)
  }
}
