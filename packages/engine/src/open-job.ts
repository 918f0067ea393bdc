import {
  AppError,
  choosePartSize,
  type JobDefinition,
  MIB,
  markedDescription,
  type PartPlan,
  parseMarker,
  planParts,
  type SourcePin,
  toAppError,
  type Upload,
  unreachable,
  uploadOf,
} from '@firn/core'
import type { OpenUpload } from '@firn/glacier'
import type { JobRef, RunContext } from '@firn/queue'
import { abortQuietly } from './abort-quietly.ts'
import { applyEvent } from './apply-event.ts'
import type { OpenDeps, SourceDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { failOrRepeat } from './fail-or-repeat.ts'
import { keepUpload } from './keep-upload.ts'
import { realignJob } from './realign-job.ts'

/** Large enough that requests cost little beside hashing, small enough that a retry does. */
const PART_SIZE_PREFERRED_BYTES = 16 * MIB

/**
 * Opens a job's multipart upload: pins the source, plans the parts, Initiate, first window of
 * parts. Runs more than once after a crash; the state says how far the last run came. Of a paused
 * job it keeps the upload open.
 */
export async function openJob(deps: OpenDeps, ref: JobRef, run: RunContext): Promise<void> {
  const stored = await deps.store.load(ref.jobId, run.signal)
  const progress = stored?.job.progress
  if (stored === undefined || progress?.generation !== ref.generation) return
  if (progress.state === 'paused') return await keepUpload(deps, stored, run)
  if (progress.state !== 'queued') {
    await enqueueWork(deps, stored.job, run.signal)
    return
  }
  const { definition } = stored.job
  try {
    if (await realignJob(deps, stored, run)) return
    const prepared = await prepare(deps, definition, run.signal)
    const own = progress.isOpening
      ? await listOwn(deps, definition.vault, ref, prepared.plan, run.signal)
      : []
    const uploadId = own[0] ?? (await initiate(deps, definition, ref, prepared.plan, run.signal))
    if (uploadId === undefined) return
    const upload = { ...prepared, uploadId, openedAtMs: deps.now() }
    await opened(deps, definition.vault, ref, { upload, surplus: own.slice(1) }, run)
  } catch (error) {
    run.signal.throwIfAborted()
    await failOrRepeat(deps, ref, run, toAppError(error))
  }
}

interface Prepared {
  readonly plan: PartPlan
  readonly pin: SourcePin
  readonly expectedTreeHash: string | null
}

/** Everything about the upload that is known before Glacier is asked. */
async function prepare(
  deps: SourceDeps,
  definition: JobDefinition,
  signal: AbortSignal,
): Promise<Prepared> {
  const { source, expected } = definition
  const pin = await deps.sources.inspect(source, signal)
  if (expected.sizeBytes !== null && expected.sizeBytes !== pin.sizeBytes) {
    throw new AppError(
      'EXPECTED_SIZE_MISMATCH',
      `The source has ${pin.sizeBytes} bytes, expected ${expected.sizeBytes}`,
    )
  }
  const plan = planOf(definition, pin.sizeBytes)
  if (expected.sha256 === null) return { plan, pin, expectedTreeHash: expected.sha256TreeHash }

  // The linear hash cannot be put together from parts. One pass over the source takes both, and
  // the tree hash then binds the parts to exactly the bytes whose linear hash was right.
  const { sha256, treeHash } = await deps.sources.hashWhole({ source, pin }, signal)
  if (sha256 !== expected.sha256) {
    throw new AppError(
      'EXPECTED_SHA256_MISMATCH',
      `The source's SHA-256 is "${sha256}", expected "${expected.sha256}"`,
    )
  }
  if (expected.sha256TreeHash !== null && expected.sha256TreeHash !== treeHash) {
    throw new AppError(
      'EXPECTED_TREE_HASH_MISMATCH',
      `The source's tree hash is "${treeHash}", expected "${expected.sha256TreeHash}"`,
    )
  }
  return { plan, pin, expectedTreeHash: treeHash }
}

function planOf(definition: JobDefinition, sizeBytes: number): PartPlan {
  const partSizeBytes =
    definition.partSizeBytes ??
    choosePartSize({ sizeBytes, preferredBytes: PART_SIZE_PREFERRED_BYTES })
  const result = planParts({ sizeBytes, partSizeBytes })
  if (result.ok) return result.plan
  switch (result.reason) {
    case 'empty':
      throw new AppError('SOURCE_EMPTY', 'The source is empty; Glacier holds no empty archive')
    case 'too-large':
      throw new AppError(
        'SOURCE_TOO_LARGE',
        `The source has ${sizeBytes} bytes, more than 10,000 parts of 4 GiB`,
      )
    case 'part-size-too-small':
      throw new AppError(
        'PART_SIZE_TOO_SMALL',
        `Parts of ${partSizeBytes} bytes would number more than 10,000; ` +
          `use at least ${result.partSizeMinBytes}`,
      )
    default:
      return unreachable(result)
  }
}

/**
 * Sends Initiate once. That it may have been sent is recorded first, so that a run after a crash
 * looks for an upload of its own before it opens another. Undefined when the job moved on.
 */
async function initiate(
  deps: SourceDeps,
  definition: JobDefinition,
  ref: JobRef,
  plan: PartPlan,
  signal: AbortSignal,
): Promise<string | undefined> {
  const event = { type: 'opening' } as const
  const { outcome } = await applyEvent(deps, ref.jobId, ref.generation, event, signal)
  if (outcome === 'refused') return undefined
  const description = markedDescription(ref, definition.description)
  const { partSizeBytes } = plan
  const input = { vault: definition.vault, partSizeBytes, description }
  return (await deps.glacier.initiateUpload(input, signal)).uploadId
}

/** Uploads that carry this generation's marker and fit the plan, oldest first. */
async function listOwn(
  deps: SourceDeps,
  vault: string,
  ref: JobRef,
  plan: PartPlan,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own: OpenUpload[] = []
  for await (const upload of deps.glacier.listUploads(vault, signal)) {
    const marker = parseMarker(upload.description)
    if (marker?.jobId !== ref.jobId || marker.generation !== ref.generation) continue
    if (upload.partSizeBytes === plan.partSizeBytes) own.push(upload)
  }
  own.sort((a, b) => a.createdAtMs - b.createdAtMs)
  return own.map((upload) => upload.uploadId)
}

/**
 * Records the upload, then aborts what turned out to have no owner. The journal decides: of two
 * runs that open the same generation at once, the one that is noted first has the job's upload.
 */
async function opened(
  deps: SourceDeps,
  vault: string,
  ref: JobRef,
  { upload, surplus }: { readonly upload: Upload; readonly surplus: readonly string[] },
  run: RunContext,
): Promise<void> {
  const { jobId, generation } = ref
  const noted = await deps.journal.putUpload({ jobId, generation, upload }, run.signal)
  const event = { type: 'opened', upload: noted.upload } as const
  const { stored } = await applyEvent(deps, jobId, generation, event, run.signal)
  const own = uploadOf(stored.job.progress)?.uploadId
  for (const uploadId of new Set([upload.uploadId, ...surplus])) {
    const isOwn = uploadId === noted.upload.uploadId || uploadId === own
    if (!isOwn) await abortQuietly(deps, { vault, uploadId }, run.signal)
  }
  await enqueueWork(deps, stored.job, run.signal)
}
