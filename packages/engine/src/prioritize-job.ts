import { AppError, isFinished, type Job, type JobId } from '@firn/core'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'

/** Each lost race means that somebody else made progress, so this many in a row is a bug. */
const RACES_MAX = 50

/**
 * Gives an unfinished job another priority, 0 (most urgent) to 7: for what is handed out from then
 * on and for what waits in the queues. It is kept in Redis alone: after the loss of Redis the job
 * has the priority that it was posted with.
 *
 * @throws AppError JOB_NOT_FOUND, or JOB_STATE_CONFLICT when the job has ended.
 */
export async function prioritizeJob(
  deps: JobDeps,
  id: JobId,
  priority: number,
  signal: AbortSignal,
): Promise<StoredJob> {
  const stored = await savePriority(deps, id, priority, signal)
  await moveQueued(deps, stored.job, signal)
  return stored
}

async function savePriority(
  deps: JobDeps,
  id: JobId,
  priority: number,
  signal: AbortSignal,
): Promise<StoredJob> {
  for (let race = 0; race < RACES_MAX; race += 1) {
    const stored = await deps.store.load(id, signal)
    if (stored === undefined) throw new AppError('JOB_NOT_FOUND', `There is no job ${id}`)
    const { job, version } = stored
    const { state } = job.progress
    if (isFinished(state)) {
      throw new AppError(
        'JOB_STATE_CONFLICT',
        `Cannot change the priority of a job that is ${state}`,
      )
    }
    if (job.priority === priority) return stored
    const next = { ...job, priority, updatedAtMs: deps.now() }
    if (!(await deps.store.save(next, version, signal))) continue
    return { ...stored, job: next, version: version + 1, trouble: null }
  }
  throw new AppError('STORE_UNAVAILABLE', `Job ${id} changed ${RACES_MAX} times while being saved`)
}

/** Whoever dies before this is done leaves a window of parts where they were, and no more. */
async function moveQueued(deps: JobDeps, job: Job, signal: AbortSignal): Promise<void> {
  const ref = { jobId: job.definition.id, generation: job.progress.generation }
  const parts = await deps.store.unfinishedParts(ref, deps.controls().windowParts, signal)
  await deps.queues.changePriority(ref, parts, job.priority, signal)
}
