import {
  isFinished,
  type Job,
  type JobError,
  type Progress,
  type Upload,
  unreachable,
} from '@firn/core'
import type { JournalEntry } from '@firn/journal'

/**
 * The job as the journal proves it. What the journal cannot prove is assumed to have been begun:
 * an Initiate may have been sent, so the upload is looked for by its marker before another is
 * opened; a Complete that was intended may have been sent, so it is repeated.
 */
export function jobFromJournal(entry: JournalEntry, nowMs: number): Job {
  const { definition, receipt } = entry
  const progress = progressFromJournal(entry)
  const end = isFinished(progress.state) ? provenEnd(entry) : null
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

/** How a job ended that has no archive. */
type End =
  | { readonly state: 'cancelled'; readonly atMs: number }
  | { readonly state: 'failed'; readonly atMs: number; readonly error: JobError }

/**
 * How the job ended, as far as the journal proves it. A cancel stands, unless a later generation is
 * being completed, which whoever cancelled did not know of. A failure is noted before a Complete is
 * intended for the upload, and with proof only afterwards, as another generation: one beside an
 * intent was noted too late, and one beside a later upload was one before a retry.
 */
export function provenEnd({ cancels, failure, intents, uploads }: JournalEntry): End | null {
  const isIntended = ({ generation }: { readonly generation: number }): boolean =>
    intents.some((intent) => intent.generation >= generation)
  const cancel = cancels.find((record) => !isIntended(record))
  if (cancel !== undefined) return { state: 'cancelled', atMs: cancel.cancelledAtMs }
  if (failure === null || isIntended(failure)) return null
  const isRetried = uploads.some((upload) => upload.generation > failure.generation)
  return isRetried ? null : { state: 'failed', ...failure }
}

/** Whether an archive of this generation may exist: a receipt says so, or Complete was intended. */
export function mayHaveArchive({ receipt, intents }: JournalEntry, generation: number): boolean {
  return receipt !== null || intents.some((intent) => intent.generation >= generation)
}

function progressFromJournal(entry: JournalEntry): Progress {
  const { uploads, intents, receipt } = entry
  const end = provenEnd(entry)
  const generation = latestGeneration(entry)
  const record = uploads.find((one) => one.generation === generation)
  const upload = record?.upload ?? null
  if (receipt !== null) return archived(receipt, uploads)
  if (end !== null) {
    if (end.state === 'cancelled') return { state: 'cancelled', generation, upload, fate: 'abort' }
    const { error } = end
    const fate = error.isRetryable && upload !== null ? 'kept' : 'abort'
    return { state: 'failed', generation, upload, fate, error }
  }
  if (upload === null) return { state: 'queued', generation, isOpening: true }
  const intent = intents.find((one) => one.generation === generation)
  return intent === undefined
    ? { state: 'uploading', generation, upload }
    : { state: 'finalizing', generation, upload, treeHash: intent.treeHash }
}

function latestGeneration({ generations, uploads, cancels, failure }: JournalEntry): number {
  const noted = [...generations, ...uploads, ...cancels].map(({ generation }) => generation)
  return Math.max(1, failure?.generation ?? 1, ...noted)
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
 * back, or a run that died between the two. What the store says of such a job misleads: a queued
 * one may have an upload already, and opening another could make a second archive; one that is
 * uploading may have been cancelled.
 *
 * Pauses are not journaled, so a paused job stays paused unless it has ended.
 */
export function isBehindJournal({ progress }: Job, entry: JournalEntry): boolean {
  const { uploads, receipt } = entry
  const { generation, state } = progress
  if (state === 'archived') return false
  if (receipt !== null) return true
  const end = provenEnd(entry)
  // Not by a generation alone: noted before the state is saved, it may have lost its race.
  const isSuperseded = uploads.some((record) => record.generation > generation)
  switch (state) {
    case 'queued': {
      const isOpened = uploads.some((record) => record.generation >= generation)
      return end !== null || isOpened || latestGeneration(entry) > generation
    }
    case 'uploading':
      return end !== null || isSuperseded
    // No job fails from here: what was noted of that came too late.
    case 'finalizing':
    case 'reconciling':
      return isSuperseded || end?.state === 'cancelled'
    case 'paused':
      return end !== null
    case 'cancelled':
      return false
    case 'failed':
      // A failure is journaled before the store says so: without it somebody asked for a retry.
      return end === null || end.state === 'cancelled'
    default:
      return unreachable(state)
  }
}
