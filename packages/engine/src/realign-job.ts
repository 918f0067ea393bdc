import { AppError, type Job, requireSamePin, toAppError } from '@firn/core'
import type { StoredPart } from '@firn/glacier'
import type { JournalEntry } from '@firn/journal'
import type { RunContext } from '@firn/queue'
import type { StoredJob } from '@firn/store'
import { unlessBlind } from './blindness.ts'
import type { SourceDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { isFinal } from './fail-job.ts'
import { listHeldParts, recordHeldParts } from './held-parts.ts'
import { isBehindJournal, jobFromJournal } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'

/**
 * Takes over what the journal knows of a job that the store believes to be at its beginning, with
 * the parts that Glacier holds. Returns false, and changes nothing, when there is nothing to take
 * over and the job is to be opened.
 *
 * @throws AppError SOURCE_CHANGED when the parts may be of another version; JOURNAL_UNAVAILABLE
 *   when the journal has lost something, after which nothing may be opened.
 */
export async function realignJob(
  deps: SourceDeps,
  stored: StoredJob,
  run: RunContext,
): Promise<boolean> {
  const { job, version } = stored
  const entry = await loadEntry(deps, job.definition.id, run.signal)
  const ahead = isBehindJournal(job, entry) ? jobFromJournal(entry, deps.now()) : job
  if (ahead.progress.state === 'queued') requireUpload(entry, ahead)
  if (ahead === job) return false
  // Asked before the job is saved: once it is, nobody asks again.
  const held = await listHeldParts(deps, ahead, run.signal)
  try {
    await requireSameSource(deps, ahead, held, run)
  } catch (error) {
    const reason = toAppError(error)
    // A job fails as what it is: one that seems to have no upload would be taken over again.
    const isOver = isFinal(reason, run) && !run.signal.aborted
    if (isOver && !(await deps.store.save(ahead, version, run.signal))) return true
    throw reason
  }
  if (await deps.store.save(ahead, version, run.signal)) {
    await recordHeldParts(deps, ahead, held, run.signal)
    await enqueueWork(deps, ahead, run.signal)
  }
  return true
}

/** A Complete may have been sent for an upload whose record is lost: a second archive is near. */
function requireUpload({ uploads, intents }: JournalEntry, { definition, progress }: Job): void {
  const isLost = (generation: number): boolean =>
    generation >= progress.generation && !uploads.some((one) => one.generation === generation)
  const intent = intents.find(({ generation }) => isLost(generation))
  if (intent === undefined) return
  throw new AppError(
    'JOURNAL_UNAVAILABLE',
    `The journal says that upload "${intent.uploadId}" of job ${definition.id} was to be completed, ` +
      'and lacks the record of that upload: no other is opened until the record is back. ' +
      'Do all processes share one JOURNAL_URL, and does its storage keep what it acknowledged?',
  )
}

/**
 * What was uploaded and not recorded may be of another version: a run looks at the source once more
 * after each part, and one that died in between did not. Compared after the parts were listed, so
 * that whatever came before is covered.
 */
async function requireSameSource(
  deps: SourceDeps,
  { definition, progress }: Job,
  held: readonly StoredPart[],
  run: RunContext,
): Promise<void> {
  if (progress.state !== 'uploading' || held.length === 0) return
  try {
    const found = await deps.sources.inspect(definition.source, run.signal)
    requireSamePin(progress.upload.pin, found)
  } catch (error) {
    throw unlessBlind(toAppError(error), run.attempt)
  }
}
