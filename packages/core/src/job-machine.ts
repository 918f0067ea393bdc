import { unreachable } from './invariant.ts'
import type { Archive, Job, JobDefinition, JobError, Progress, Upload, UploadFate } from './job.ts'
import { isFinished } from './job.ts'

/** Everything that can happen to a job. Commands are what people ask for; the rest was seen. */
export type JobEvent =
  | { readonly type: 'opening' }
  | { readonly type: 'opened'; readonly upload: Upload }
  | { readonly type: 'sealed'; readonly treeHash: string }
  | { readonly type: 'range-missing' }
  | { readonly type: 'doubted'; readonly atMs: number }
  | { readonly type: 'doubt-cleared' }
  | {
      readonly type: 'inventory-asked'
      readonly inventoryJobId: string | null
      readonly inventoryDateMs: number | null
    }
  | { readonly type: 'upload-lost' }
  | { readonly type: 'upload-kept' }
  | { readonly type: 'completed'; readonly archive: Archive }
  | { readonly type: 'failed'; readonly error: JobError }
  | { readonly type: 'upload-aborted' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'cancel' }
  | { readonly type: 'retry' }

export type Step =
  | { readonly ok: true; readonly progress: Progress }
  | { readonly ok: false; readonly reason: 'illegal' | 'conflict' }

const illegal: Step = { ok: false, reason: 'illegal' }
const conflict: Step = { ok: false, reason: 'conflict' }
const to = (progress: Progress): Step => ({ ok: true, progress })

/** The state every job begins in. */
export const initialProgress: Progress = { state: 'queued', generation: 1, isOpening: false }

/**
 * The next state. Pure, and idempotent: events arrive at least once, so one that already
 * happened leaves the job as it is. `illegal` is an event this state does not know; `conflict` is
 * one that contradicts what is recorded.
 */
export function step(progress: Progress, event: JobEvent): Step {
  switch (progress.state) {
    case 'queued':
      return fromQueued(progress, event)
    case 'uploading':
      return fromUploading(progress, event)
    case 'finalizing':
      return fromFinalizing(progress, event)
    case 'reconciling':
      return fromReconciling(progress, event)
    case 'paused':
      return fromPaused(progress, event)
    case 'archived':
      return fromArchived(progress, event)
    case 'failed':
      return fromFailed(progress, event)
    case 'cancelled':
      return fromCancelled(progress, event)
    default:
      return unreachable(progress)
  }
}

/** The job after `event`, or the reason why not. An event that changes nothing keeps the job as it is. */
export function advance(
  job: Job,
  event: JobEvent,
  nowMs: number,
):
  | { readonly ok: true; readonly job: Job }
  | { readonly ok: false; readonly reason: 'illegal' | 'conflict' } {
  const next = step(job.progress, event)
  if (!next.ok) return next
  if (next.progress === job.progress) return { ok: true, job }
  const finishedAtMs = isFinished(next.progress.state) ? (job.finishedAtMs ?? nowMs) : null
  return { ok: true, job: { ...job, progress: next.progress, updatedAtMs: nowMs, finishedAtMs } }
}

/** A new job, accepted and not begun. */
export function newJob(definition: JobDefinition): Job {
  const { createdAtMs: updatedAtMs, priority } = definition
  return { definition, priority, progress: initialProgress, updatedAtMs, finishedAtMs: null }
}

type In<State extends Progress['state']> = Extract<Progress, { state: State }>

function fromQueued(progress: In<'queued'>, event: JobEvent): Step {
  const { generation, isOpening } = progress
  switch (event.type) {
    case 'opening':
      return isOpening ? to(progress) : to({ ...progress, isOpening: true })
    case 'opened':
      return to({ state: 'uploading', generation, upload: event.upload })
    case 'pause':
      return to({ state: 'paused', generation, isOpening, upload: null })
    case 'cancel':
      return to({
        state: 'cancelled',
        generation,
        upload: null,
        fate: isOpening ? 'abort' : 'gone',
      })
    case 'failed':
      return to({
        state: 'failed',
        generation,
        upload: null,
        fate: isOpening ? 'abort' : 'gone',
        error: event.error,
      })
    case 'resume':
    case 'retry':
      return to(progress)
    default:
      return illegal
  }
}

function fromUploading(progress: In<'uploading'>, event: JobEvent): Step {
  const { generation, upload } = progress
  switch (event.type) {
    case 'opened':
      return event.upload.uploadId === upload.uploadId ? to(progress) : conflict
    case 'sealed':
      return to({ state: 'finalizing', generation, upload, treeHash: event.treeHash })
    case 'upload-lost':
      return to({ state: 'queued', generation: generation + 1, isOpening: false })
    case 'pause':
      return to({ state: 'paused', generation, isOpening: false, upload })
    case 'cancel':
      return to({ state: 'cancelled', generation, upload, fate: 'abort' })
    case 'failed':
      return to(failed(progress, event.error))
    case 'range-missing':
    case 'resume':
    case 'retry':
      return to(progress)
    default:
      return illegal
  }
}

function fromFinalizing(progress: In<'finalizing'>, event: JobEvent): Step {
  const { generation, upload, treeHash } = progress
  switch (event.type) {
    case 'sealed':
      return event.treeHash === treeHash ? to(progress) : conflict
    case 'range-missing':
      return to({ state: 'uploading', generation, upload })
    case 'doubted':
      return to({
        ...progress,
        state: 'reconciling',
        doubtSinceMs: event.atMs,
        inventoryJobId: null,
        inventoryDateMs: null,
      })
    case 'completed':
      return to({ state: 'archived', generation, upload, archive: event.archive })
    case 'doubt-cleared':
    case 'resume':
    case 'retry':
      return to(progress)
    default:
      return illegal
  }
}

function fromReconciling(progress: In<'reconciling'>, event: JobEvent): Step {
  const { generation, upload, treeHash } = progress
  switch (event.type) {
    case 'doubted':
      return to(progress)
    case 'doubt-cleared':
      return to({ state: 'finalizing', generation, upload, treeHash })
    case 'inventory-asked': {
      const { inventoryJobId, inventoryDateMs } = event
      const isKnown =
        inventoryJobId === progress.inventoryJobId && inventoryDateMs === progress.inventoryDateMs
      return to(isKnown ? progress : { ...progress, inventoryJobId, inventoryDateMs })
    }
    case 'completed':
      return to({ state: 'archived', generation, upload, archive: event.archive })
    case 'upload-lost':
      return to({ state: 'queued', generation: generation + 1, isOpening: false })
    default:
      return illegal
  }
}

function fromPaused(progress: In<'paused'>, event: JobEvent): Step {
  const { generation, isOpening, upload } = progress
  switch (event.type) {
    case 'pause':
      return to(progress)
    case 'opened': {
      if (upload === null) return to({ ...progress, isOpening: false, upload: event.upload })
      return upload.uploadId === event.upload.uploadId ? to(progress) : conflict
    }
    case 'resume':
    case 'retry':
      return upload === null
        ? to({ state: 'queued', generation, isOpening })
        : to({ state: 'uploading', generation, upload })
    case 'cancel': {
      const fate: UploadFate = upload === null && !isOpening ? 'gone' : 'abort'
      return to({ state: 'cancelled', generation, upload, fate })
    }
    case 'upload-kept':
      // Nothing is new but the time of it, which is what the next look goes by.
      return upload === null ? illegal : to({ ...progress })
    case 'upload-lost':
      return to({ state: 'paused', generation: generation + 1, isOpening: false, upload: null })
    case 'failed':
      if (upload !== null) return to(failed({ generation, upload }, event.error))
      return fromQueued({ state: 'queued', generation, isOpening }, event)
    default:
      return illegal
  }
}

function fromArchived(progress: In<'archived'>, event: JobEvent): Step {
  if (event.type !== 'completed') return illegal
  return event.archive.archiveId === progress.archive.archiveId ? to(progress) : conflict
}

function fromFailed(progress: In<'failed'>, event: JobEvent): Step {
  const { generation, upload, fate } = progress
  switch (event.type) {
    case 'failed':
      return to(progress)
    case 'upload-aborted':
      return fate === 'abort' ? to({ ...progress, fate: 'gone' }) : to(progress)
    case 'retry':
      if (fate === 'kept' && upload !== null) return to({ state: 'uploading', generation, upload })
      if (fate === 'abort') return illegal
      return to({ state: 'queued', generation: generation + 1, isOpening: false })
    case 'cancel':
      return to({ state: 'cancelled', generation, upload, fate: fate === 'kept' ? 'abort' : fate })
    default:
      return illegal
  }
}

function fromCancelled(progress: In<'cancelled'>, event: JobEvent): Step {
  switch (event.type) {
    case 'cancel':
      return to(progress)
    case 'upload-aborted':
      return progress.fate === 'abort' ? to({ ...progress, fate: 'gone' }) : to(progress)
    default:
      return illegal
  }
}

/** A failure keeps the upload when a retry may use it, else has it aborted. */
function failed(
  progress: { readonly generation: number; readonly upload: Upload },
  error: JobError,
): Progress {
  const fate = error.isRetryable ? 'kept' : 'abort'
  return { state: 'failed', generation: progress.generation, upload: progress.upload, fate, error }
}

/** What a job waits for. */
export type Work = 'open' | 'upload-parts' | 'finalize' | 'abort'

/**
 * What is left to do, read off the state alone: enqueued after every change of state, and asked
 * again by the sweeper after a crash. Nothing else remembers work.
 */
export function workFor(progress: Progress): Work | undefined {
  switch (progress.state) {
    case 'queued':
      return 'open'
    case 'uploading':
      return 'upload-parts'
    case 'finalizing':
    case 'reconciling':
      return 'finalize'
    case 'failed':
    case 'cancelled':
      return progress.fate === 'abort' ? 'abort' : undefined
    case 'paused':
    case 'archived':
      return undefined
    default:
      return unreachable(progress)
  }
}
