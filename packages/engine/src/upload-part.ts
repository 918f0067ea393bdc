import {
  AppError,
  type Job,
  type JobDefinition,
  partRange,
  toAppError,
  type Upload,
  uploadOf,
} from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import type { PartRef } from '@firn/store'
import { unlessBlind } from './blindness.ts'
import type { SourceDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { failOrRepeat } from './fail-or-repeat.ts'
import { loseIfGone } from './lose-upload.ts'

/** Watches a job while a run works for it. Dispose of it when the run ends. */
export interface JobWatch extends Disposable {
  /** Aborts soon after the job stops wanting parts of that generation. */
  readonly signal: AbortSignal
}

export type PartOutcome = 'uploaded' | 'skipped' | 'stopped' | 'failed'
export type PartPhase = 'read_hash' | 'upload' | 'record'

export interface PartDeps extends SourceDeps {
  readonly watchJob: (ref: JobRef) => JobWatch
  /** Who to name as the part's worker. */
  readonly workerName: string
  readonly observe: {
    /** Told of `read_hash` before anything else of a part. */
    readonly phase: (phase: PartPhase, ms: number, of: Pick<JobDefinition, 'id' | 'vault'>) => void
    /** `vault` is null when the run ended before it knew its job. */
    readonly part: (outcome: PartOutcome, vault: string | null, sizeBytes: number) => void
  }
}

/**
 * Uploads one part: state first, then read and hash, upload, record. The same part twice, in two
 * places, late or never is harmless: Glacier keeps one copy of a range, and the record takes the
 * same hash again without a change.
 */
export async function uploadPart(deps: PartDeps, ref: PartRef, run: RunContext): Promise<void> {
  const begun = { worker: deps.workerName, attempt: run.attempt }
  const begin = await deps.store.beginPart(ref, begun, run.signal)
  const stored = begin === 'stale' ? undefined : await deps.store.load(ref.jobId, run.signal)
  const upload = stored === undefined ? null : uploadOf(stored.job.progress)
  if (stored === undefined || upload === null || isOther(stored.job, ref)) {
    return deps.observe.part('skipped', stored?.job.definition.vault ?? null, 0)
  }
  const { vault } = stored.job.definition
  if (begin === 'uploaded') {
    // The run that recorded it may have died before it announced what follows.
    await enqueueWork(deps, stored.job, run.signal)
    return deps.observe.part('skipped', vault, 0)
  }
  using watch = deps.watchJob(ref)
  try {
    const signal = AbortSignal.any([run.signal, watch.signal])
    const treeHash = await send(deps, stored.job, upload, ref, signal)
    await record(deps, stored.job, ref, { treeHash, upload }, run.signal)
    const { start, end } = partRange(upload.plan, ref.index)
    deps.observe.part('uploaded', vault, end - start)
  } catch (error) {
    run.signal.throwIfAborted()
    if (watch.signal.aborted) return deps.observe.part('stopped', vault, 0)
    deps.observe.part('failed', vault, 0)
    await handleFailure(deps, stored.job, ref, run, toAppError(error))
  }
}

function isOther(job: Job, ref: PartRef): boolean {
  return job.progress.generation !== ref.generation
}

/** Reads, hashes and uploads; returns the tree hash that Glacier confirmed, in hex. */
async function send(
  deps: PartDeps,
  job: Job,
  upload: Upload,
  ref: PartRef,
  signal: AbortSignal,
): Promise<string> {
  const { source, vault } = job.definition
  const range = partRange(upload.plan, ref.index)
  const readAtMs = deps.now()
  await using part = await deps.sources.openPart({ source, pin: upload.pin, range }, signal)
  const uploadAtMs = deps.now()
  deps.observe.phase('read_hash', uploadAtMs - readAtMs, job.definition)
  const { body, sha256, treeHash } = part
  const { uploadId } = upload
  await deps.glacier.uploadPart({ vault, uploadId, range, body, sha256, treeHash }, signal)
  deps.observe.phase('upload', deps.now() - uploadAtMs, job.definition)
  await part.verify()
  return treeHash
}

async function record(
  deps: PartDeps,
  job: Job,
  ref: PartRef,
  { treeHash, upload }: { readonly treeHash: string; readonly upload: Upload },
  signal: AbortSignal,
): Promise<void> {
  const { start, end } = partRange(upload.plan, ref.index)
  const nowMs = deps.now()
  const input = {
    treeHash: Buffer.from(treeHash, 'hex'),
    sizeBytes: end - start,
    window: deps.controls().windowParts,
    nowMs,
  }
  const result = await deps.store.recordPart(ref, input, signal)
  switch (result.outcome) {
    case 'stale':
      return
    case 'conflict':
      throw new AppError(
        'PART_CONFLICT',
        `Part ${ref.index} was recorded with a tree hash other than "${treeHash}"`,
      )
    default: {
      if (result.opened.length > 0) {
        await deps.queues.addParts(ref, result.opened, job.priority, signal)
      }
      if (result.isComplete) await deps.queues.addFinalize(ref, signal)
      deps.observe.phase('record', deps.now() - nowMs, job.definition)
    }
  }
}

async function handleFailure(
  deps: PartDeps,
  job: Job,
  ref: PartRef,
  run: RunContext,
  reason: AppError,
): Promise<void> {
  if (await loseIfGone(deps, job, reason, run.signal)) return
  await failOrRepeat(deps, ref, run, unlessBlind(reason, run.attempt))
}
