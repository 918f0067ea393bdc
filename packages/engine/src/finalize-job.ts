import { AppError, type Job, type Progress, toAppError } from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import { alignJob, loadAligned } from './align-job.ts'
import { applyEvent } from './apply-event.ts'
import { archiveReceipt } from './archive-receipt.ts'
import { unlessBlind } from './blindness.ts'
import type { FinalizeDeps } from './deps.ts'
import { failOrRepeat } from './fail-or-repeat.ts'
import { mayHaveArchive } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'
import { loseIfGone } from './lose-upload.ts'
import { reconcileUpload } from './reconcile-upload.ts'
import { sealUpload } from './seal-upload.ts'

type Sealed = Extract<Progress, { state: 'finalizing' | 'reconciling' }>

/**
 * Turns the parts of a job into its archive: seal (nothing missing, all hashes agree), journal
 * the intent, Complete, journal the receipt, `archived`. Runs again after a crash, from whatever
 * state it finds; Complete may be repeated and gives the same archive.
 */
export async function finalizeJob(deps: FinalizeDeps, ref: JobRef, run: RunContext): Promise<void> {
  const stored = await deps.store.load(ref.jobId, run.signal)
  if (stored?.job.progress.generation !== ref.generation) return
  const { job } = stored
  try {
    const entry = await loadEntry(deps, ref.jobId, run.signal)
    if (await alignJob(deps, stored, entry, run.signal)) return
    if (job.progress.state === 'uploading') {
      const sealed = await sealUpload(deps, job, job.progress, run.signal)
      if (sealed !== undefined) await complete(deps, sealed.job, sealed.progress, run)
    } else if (job.progress.state === 'finalizing' || job.progress.state === 'reconciling') {
      await complete(deps, job, job.progress, run)
    }
  } catch (error) {
    run.signal.throwIfAborted()
    const failure = toAppError(error)
    if (await loseIfGone(deps, job, failure, run.signal)) return
    const reason = await withDoubt(deps, ref, run, failure)
    const isRefused = reason.disposition === 'reject' && reason.code !== 'JOB_NOT_FOUND'
    if (isRefused) await unseal(deps, ref, run.signal)
    // Finalizing never gives up: by then every byte has been paid for.
    await failOrRepeat(deps, ref, { ...run, isLastAttempt: false }, reason)
  }
}

/**
 * Glacier's refusals say nothing about what became of a Complete that was sent before: neither that
 * there is no such vault, which may be said by mistake or to one who looks in another region, nor
 * that no inventory is to be had at the moment. Without a Complete they may be final.
 */
async function withDoubt(
  deps: FinalizeDeps,
  ref: JobRef,
  run: RunContext,
  reason: AppError,
): Promise<AppError> {
  if (reason.code !== 'GLACIER_VAULT_NOT_FOUND' && reason.code !== 'GLACIER_REFUSED') return reason
  const entry = await loadEntry(deps, ref.jobId, run.signal)
  if (!mayHaveArchive(entry, ref.generation)) return unlessBlind(reason, run.attempt)
  const message = `The archive may exist, so the job goes on: ${reason.message}`
  return new AppError('OUTCOME_UNKNOWN', message, { cause: reason })
}

/** A job that is being completed cannot fail, so that no run but this one may end it then. */
async function unseal(deps: FinalizeDeps, ref: JobRef, signal: AbortSignal): Promise<void> {
  await applyEvent(deps, ref.jobId, ref.generation, { type: 'range-missing' }, signal)
}

async function complete(
  deps: FinalizeDeps,
  job: Job,
  progress: Sealed,
  run: RunContext,
  wasRefused = false,
): Promise<void> {
  const { id: jobId, vault } = job.definition
  const { generation, upload, treeHash } = progress
  const { uploadId } = upload
  const { sizeBytes } = upload.plan
  const { signal } = run
  const intent = { jobId, generation, uploadId, sizeBytes, treeHash, atMs: deps.now() }
  if (!(await deps.journal.putIntent(intent, signal))) {
    // Sealed over a store that was rolled back: somebody was told that the job is cancelled.
    await loadAligned(deps, jobId, signal)
    return
  }
  if (!(await isStillDue(deps, job, signal))) return
  try {
    const archive = await deps.glacier.completeUpload(
      { vault, uploadId, sizeBytes, treeHash },
      signal,
    )
    await archiveReceipt(deps, job, progress, archive, signal)
  } catch (error) {
    signal.throwIfAborted()
    const reason = toAppError(error)
    if (reason.code === 'GLACIER_UPLOAD_NOT_FOUND') return await doubt(deps, job, signal)
    if (reason.code !== 'GLACIER_REFUSED') throw error
    const sealed = await recheck(deps, job, signal)
    if (sealed === undefined) return
    if (wasRefused) throw mismatch(reason)
    // Mended since, by a run that was late.
    await complete(deps, sealed.job, sealed.progress, run, true)
  }
}

/**
 * Whether Complete may be sent, now that it is noted. Whoever fails a job notes that first and then
 * looks for an intent; here it is the other way round, so at least one of the two sees the other,
 * even over a store that was rolled back between the two.
 */
async function isStillDue(deps: FinalizeDeps, job: Job, signal: AbortSignal): Promise<boolean> {
  const { id } = job.definition
  const { generation } = job.progress
  const { failure } = await loadEntry(deps, id, signal)
  if (failure === null) return true
  // It may also be what was left by a failure that came too late.
  const progress = (await deps.store.load(id, signal))?.job.progress
  const isSealed = progress?.state === 'finalizing' || progress?.state === 'reconciling'
  return isSealed && progress.generation === generation
}

/**
 * Complete says that the upload is gone. It may have become the archive in a call whose answer
 * was lost; nothing is uploaded again before that is known.
 */
async function doubt(deps: FinalizeDeps, job: Job, signal: AbortSignal): Promise<void> {
  const { id } = job.definition
  const event = { type: 'doubted', atMs: deps.now() } as const
  const { stored } = await applyEvent(deps, id, job.progress.generation, event, signal)
  const { progress } = stored.job
  if (progress.state === 'reconciling') {
    await reconcileUpload(deps, stored.job, progress, signal)
  }
}

/**
 * Glacier refused the archive: back to uploading, so that the parts are compared once more. Undefined
 * when they differ, or the job has moved on.
 */
async function recheck(
  deps: FinalizeDeps,
  job: Job,
  signal: AbortSignal,
): ReturnType<typeof sealUpload> {
  const { id } = job.definition
  const { generation } = job.progress
  await applyEvent(deps, id, generation, { type: 'doubt-cleared' }, signal)
  const event = { type: 'range-missing' } as const
  const { stored } = await applyEvent(deps, id, generation, event, signal)
  if (stored.job.progress.state !== 'uploading') return undefined
  return await sealUpload(deps, stored.job, stored.job.progress, signal)
}

function mismatch(refusal: AppError): AppError {
  return new AppError(
    'ARCHIVE_CHECKSUM_MISMATCH',
    `Glacier refuses the archive although it holds every part as recorded: ${refusal.message}`,
    { cause: refusal },
  )
}
