import { isFinished, type Job, type Progress, type Upload } from '@firn/core'
import type { JournalEntry } from '@firn/journal'

/**
 * The job as the journal proves it. What the journal cannot prove is assumed to have been begun:
 * an Initiate may have been sent, so the upload is looked for by its marker before another is
 * opened; a Complete that was intended may have been sent, so it is repeated.
 */
export function jobFromJournal(entry: JournalEntry, nowMs: number): Job {
  const { definition, receipt, end } = entry
  const progress = progressFromJournal(entry)
  const finishedAtMs = receipt?.archivedAtMs ?? end?.atMs ?? null
  const { priority } = definition
  return { definition, priority, progress, updatedAtMs: finishedAtMs ?? nowMs, finishedAtMs }
}

/**
 * The job to put back into a store that lost it. An unfinished one begins as queued: opening it
 * takes over what the journal knows, and asks Glacier for the parts it holds, with the patience
 * of a queue.
 */
export function rebuiltJob(entry: JournalEntry, nowMs: number): Job {
  const job = jobFromJournal(entry, nowMs)
  const { state, generation } = job.progress
  if (isFinished(state)) return job
  return { ...job, progress: { state: 'queued', generation, isOpening: true } }
}

/** Whether an archive of this generation may exist: a receipt says so, or Complete was intended. */
export function mayHaveArchive({ receipt, intents }: JournalEntry, generation: number): boolean {
  return receipt !== null || intents.some((intent) => intent.generation >= generation)
}

function progressFromJournal(entry: JournalEntry): Progress {
  const { uploads, intents, receipt, end } = entry
  const generation = latestGeneration(entry)
  const record = uploads.find((one) => one.generation === generation)
  const upload = record?.upload ?? null
  if (receipt !== null) return archived(receipt, uploads)
  if (end !== null) {
    if (end.state === 'cancelled') return { state: 'cancelled', generation, upload, fate: 'abort' }
    const error = end.error ?? { code: 'INTERNAL', message: 'not known', isRetryable: false }
    const fate = error.isRetryable && upload !== null ? 'kept' : 'abort'
    return { state: 'failed', generation, upload, fate, error }
  }
  if (upload === null) return { state: 'queued', generation, isOpening: true }
  const intent = intents.find((one) => one.generation === generation)
  return intent === undefined
    ? { state: 'uploading', generation, upload }
    : { state: 'finalizing', generation, upload, treeHash: intent.treeHash }
}

function latestGeneration({ generations, uploads, end }: JournalEntry): number {
  const noted = [...generations, ...uploads].map(({ generation }) => generation)
  return Math.max(1, end?.generation ?? 1, ...noted)
}

function archived(
  receipt: NonNullable<JournalEntry['receipt']>,
  uploads: JournalEntry['uploads'],
): Progress {
  const { generation, archive, plan, pin, archivedAtMs } = receipt
  const record = uploads.find((upload) => upload.generation === generation)
  const upload: Upload = record?.upload ?? {
    ...{ uploadId: '-', plan, pin, expectedTreeHash: null, openedAtMs: archivedAtMs },
  }
  return { state: 'archived', generation, upload, archive }
}

/**
 * Whether the journal proves that the job is further than the store says: a store that was rolled
 * back, or a run that died between the two. A queued job may then have an upload already, and
 * opening another could make a second archive.
 */
export function isBehindJournal(job: Job, entry: JournalEntry): boolean {
  const { uploads, receipt, end } = entry
  const { generation, state } = job.progress
  if (state !== 'queued') return false
  if (latestGeneration(entry) > generation) return true
  if (receipt !== null) return true
  if (end !== null && end.generation >= generation) return true
  return uploads.some((record) => record.generation >= generation)
}
