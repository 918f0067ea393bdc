import {
  AppError,
  foldTreeHash,
  type Job,
  missingParts,
  type PartPlan,
  type Progress,
  partRange,
} from '@firn/core'
import type { PartTable } from '@firn/store'
import { applyEvent } from './apply-event.ts'
import type { GlacierDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

type Uploading = Extract<Progress, { state: 'uploading' }>
type Finalizing = Extract<Progress, { state: 'finalizing' }>

/**
 * Checks that every part is recorded, that their tree hashes fold into what was expected, and
 * that Glacier holds exactly these parts; then the job is `finalizing`. Undefined when parts have
 * to be uploaded (again), which is announced, or when the job has moved on.
 *
 * @throws AppError EXPECTED_TREE_HASH_MISMATCH; what {@link Glacier.listParts} rejects with.
 */
export async function sealUpload(
  deps: GlacierDeps,
  job: Job,
  progress: Uploading,
  signal: AbortSignal,
): Promise<{ readonly job: Job; readonly progress: Finalizing } | undefined> {
  const { generation, upload } = progress
  const ref = { jobId: job.definition.id, generation }
  const { plan } = upload
  const table = await deps.store.loadParts({ ...ref, partCount: plan.partCount }, signal)
  const hashes = partTreeHashes(table, plan)
  if (hashes === undefined) {
    await enqueueWork(deps, job, signal)
    return undefined
  }
  const treeHash = foldTreeHash(hashes).toString('hex')
  if (upload.expectedTreeHash !== null && upload.expectedTreeHash !== treeHash) {
    throw new AppError(
      'EXPECTED_TREE_HASH_MISMATCH',
      `The archive's tree hash is "${treeHash}", expected "${upload.expectedTreeHash}"`,
    )
  }
  const wrong = await partsThatDiffer(deps, job, progress, hashes, signal)
  if (wrong.length > 0) {
    await deps.store.forgetParts(ref, wrong, signal)
    await enqueueWork(deps, job, signal)
    return undefined
  }
  const event = { type: 'sealed', treeHash } as const
  const { stored } = await applyEvent(deps, ref.jobId, generation, event, signal)
  const sealed = stored.job.progress
  return sealed.state === 'finalizing' ? { job: stored.job, progress: sealed } : undefined
}

/**
 * The recorded tree hash of each part in order, or undefined while one is missing. Bits and hashes
 * are read one after the other, and Redis may lose both in between.
 */
export function partTreeHashes(
  table: PartTable,
  plan: PartPlan,
): readonly Uint8Array[] | undefined {
  const { bitmap, treeHashes } = table
  if (missingParts(bitmap, { start: 0, end: plan.partCount, limit: 1 }).length > 0) return undefined
  if (treeHashes.length < plan.partCount * 32) return undefined
  return Array.from({ length: plan.partCount }, (_, index) =>
    treeHashes.subarray(index * 32, index * 32 + 32),
  )
}

/** Parts that Glacier does not hold, or holds with another hash or length. */
async function partsThatDiffer(
  deps: GlacierDeps,
  job: Job,
  { upload }: Uploading,
  hashes: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<readonly { readonly index: number; readonly sizeBytes: number }[]> {
  const { uploadId, plan } = upload
  const held = new Map<number, string>()
  const listing = deps.glacier.listParts({ vault: job.definition.vault, uploadId }, signal)
  for await (const { range, treeHash } of listing) {
    held.set(range.start, `${range.end} ${treeHash}`)
  }
  return hashes.flatMap((hash, index) => {
    const { start, end } = partRange(plan, index)
    const wanted = `${end} ${Buffer.from(hash).toString('hex')}`
    return held.get(start) === wanted ? [] : [{ index, sizeBytes: end - start }]
  })
}
