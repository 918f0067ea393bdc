import { type Job, type JobId, partRange, toAppError, uploadOf } from '@firn/core'
import type { JournalEntry } from '@firn/journal'
import { type GlacierDeps, WINDOW_PARTS } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { jobFromJournal } from './job-from-journal.ts'

export interface RecoverReport {
  /** Jobs that the journal knows. */
  readonly known: number
  /** Of these, put back into the store because it did not know them. */
  readonly rebuilt: readonly JobId[]
}

/**
 * Puts back every job that the journal knows and the store does not: after a Redis that came back
 * empty, and after an accept that died half-way. Parts that Glacier holds are recorded again, not
 * uploaded again. Safe to repeat and to run in several processes; jobs that the store knows are
 * not looked at. Leaves the store's mark, by which a later loss of everything is noticed at once.
 *
 * @param isDryRun reports what would be rebuilt and changes nothing.
 */
export async function recoverJobs(
  deps: GlacierDeps,
  options: { readonly isDryRun: boolean },
  signal: AbortSignal,
): Promise<RecoverReport> {
  const rebuilt: JobId[] = []
  let known = 0
  for await (const id of deps.journal.jobIds(signal)) {
    known += 1
    if ((await deps.store.load(id, signal)) !== undefined) continue
    const entry = await deps.journal.load(id, signal)
    if (entry === undefined) continue
    rebuilt.push(id)
    if (!options.isDryRun) await rebuild(deps, entry, signal)
  }
  if (!options.isDryRun) await deps.store.putMark(signal)
  return { known, rebuilt }
}

async function rebuild(deps: GlacierDeps, entry: JournalEntry, signal: AbortSignal): Promise<void> {
  const job = jobFromJournal(entry, deps.now())
  // A crash after this leaves a job whose parts are uploaded again at worst.
  if (await deps.store.create(job, signal)) await recordHeldParts(deps, job, signal)
  await enqueueWork(deps, job, signal)
}

/** Notes the parts that Glacier holds, as far as they are whole parts of the plan. */
async function recordHeldParts(deps: GlacierDeps, job: Job, signal: AbortSignal): Promise<void> {
  const { id: jobId, vault } = job.definition
  const { generation, state } = job.progress
  const upload = uploadOf(job.progress)
  if (upload === null || (state !== 'uploading' && state !== 'finalizing')) return
  const { uploadId, plan } = upload
  try {
    for await (const { range, treeHash } of deps.glacier.listParts({ vault, uploadId }, signal)) {
      const index = range.start / plan.partSizeBytes
      if (index >= plan.partCount || partRange(plan, index).end !== range.end) continue
      await deps.store.recordPart(
        { jobId, generation, index },
        {
          treeHash: Buffer.from(treeHash, 'hex'),
          sizeBytes: range.end - range.start,
          window: WINDOW_PARTS,
          nowMs: deps.now(),
        },
        signal,
      )
    }
  } catch (error) {
    // Gone: completed or expired. The runs that follow find out which.
    if (toAppError(error).code !== 'GLACIER_UPLOAD_NOT_FOUND') throw error
  }
}
