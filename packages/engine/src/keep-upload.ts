import {
  AppError,
  type Job,
  missingParts,
  type PartPlan,
  partRange,
  toAppError,
  type Upload,
} from '@firn/core'
import type { RunContext } from '@firn/queue'
import type { StoredJob } from '@firn/store'
import { applyEvent } from './apply-event.ts'
import type { OpenDeps } from './deps.ts'
import { noteAndThrow } from './fail-or-repeat.ts'
import { loseIfGone } from './lose-upload.ts'

/**
 * Keeps the upload of a paused job alive once it has stood still for long: Glacier may forget one
 * after a day, and of all that may count as activity only a part surely does. One part that is
 * recorded is read and sent again as it was, the last one, which is the smallest; without a recorded
 * part there is nothing worth keeping. A failure changes nothing about the job but what it says.
 */
export async function keepUpload(
  deps: OpenDeps,
  { job }: StoredJob,
  run: RunContext,
): Promise<void> {
  const { definition, progress, updatedAtMs } = job
  if (progress.state !== 'paused' || progress.upload === null || deps.keepAliveMs === 0) return
  // Announced twice, or long ago: it was kept meanwhile, or paused anew.
  if (deps.now() - updatedAtMs < deps.keepAliveMs) return
  const ref = { jobId: definition.id, generation: progress.generation }
  try {
    const part = await recordedPart(deps, job, progress.upload.plan, run.signal)
    if (part === undefined) return
    await sendAgain(deps, job, progress.upload, part, run.signal)
    await applyEvent(deps, ref.jobId, ref.generation, { type: 'upload-kept' }, run.signal)
  } catch (error) {
    run.signal.throwIfAborted()
    const reason = toAppError(error)
    if (reason.code === 'JOB_NOT_FOUND') return
    if (await loseIfGone(deps, job, reason, run.signal)) return
    await noteAndThrow(deps, ref, run, reason)
  }
}

interface RecordedPart {
  readonly index: number
  /** Lower-case hex. */
  readonly treeHash: string
}

/** The last part if it is recorded, else the first that is. */
async function recordedPart(
  deps: OpenDeps,
  { definition, progress }: Job,
  { partCount }: PartPlan,
  signal: AbortSignal,
): Promise<RecordedPart | undefined> {
  const ref = { jobId: definition.id, generation: progress.generation, partCount }
  const { bitmap, treeHashes } = await deps.store.loadParts(ref, signal)
  const isRecorded = (index: number) =>
    missingParts(bitmap, { start: index, end: index + 1, limit: 1 }).length === 0
  const indexes = [partCount - 1, ...Array(partCount).keys()]
  const index = indexes.find(isRecorded)
  if (index === undefined) return undefined
  const hash = treeHashes.subarray(index * 32, index * 32 + 32)
  return { index, treeHash: Buffer.from(hash).toString('hex') }
}

async function sendAgain(
  deps: OpenDeps,
  { definition }: Job,
  { uploadId, plan, pin }: Upload,
  { index, treeHash: recorded }: RecordedPart,
  signal: AbortSignal,
): Promise<void> {
  const { source, vault } = definition
  const range = partRange(plan, index)
  await using part = await deps.sources.openPart({ source, pin, range }, signal)
  const { body, sha256, treeHash } = part
  if (treeHash !== recorded) {
    throw new AppError(
      'PART_CONFLICT',
      `Part ${index} has tree hash "${treeHash}", recorded is "${recorded}"`,
    )
  }
  await deps.glacier.uploadPart({ vault, uploadId, range, body, sha256, treeHash }, signal)
}
