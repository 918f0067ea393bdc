import { isDeepStrictEqual } from 'node:util'
import { foldTreeHash, type Job, partRange, toAppError, type Upload, uploadOf } from '@firn/core'
import type { StoredPart } from '@firn/glacier'
import type { GlacierDeps } from './deps.ts'

/** The parts that Glacier holds of an unfinished job's upload, as far as they can be its own. */
export async function listHeldParts(
  deps: GlacierDeps,
  job: Job,
  signal: AbortSignal,
): Promise<readonly StoredPart[]> {
  const upload = openUploadOf(job)
  if (upload === null) return []
  const { vault } = job.definition
  const { uploadId } = upload
  const held: StoredPart[] = []
  try {
    for await (const part of deps.glacier.listParts({ vault, uploadId }, signal)) held.push(part)
  } catch (error) {
    // Gone: completed or expired. The runs that follow find out which.
    if (toAppError(error).code !== 'GLACIER_UPLOAD_NOT_FOUND') throw error
  }
  return isTrusted(job, upload, held) ? held : []
}

/**
 * Whether the parts may be taken for the job's. Those of a job that is being completed were checked
 * before; what was uploaded over one of them since would be in the archive if it were sealed anew.
 */
function isTrusted({ progress }: Job, { plan }: Upload, held: readonly StoredPart[]): boolean {
  if (progress.state !== 'finalizing') return true
  const parts = held.toSorted((a, b) => a.range.start - b.range.start)
  const isWhole =
    parts.length === plan.partCount &&
    parts.every(({ range }, index) => isDeepStrictEqual(range, partRange(plan, index)))
  if (!isWhole) return false
  const hashes = parts.map(({ treeHash }) => Buffer.from(treeHash, 'hex'))
  return foldTreeHash(hashes).toString('hex') === progress.treeHash
}

/** Notes parts that Glacier holds, so that a job that Redis forgot does not upload them again. */
export async function recordHeldParts(
  deps: GlacierDeps,
  job: Job,
  held: readonly StoredPart[],
  signal: AbortSignal,
): Promise<void> {
  const upload = openUploadOf(job)
  if (upload === null) return
  const { plan } = upload
  const { generation } = job.progress
  for (const { range, treeHash } of held) {
    const index = range.start / plan.partSizeBytes
    if (!Number.isInteger(index) || index >= plan.partCount) continue
    if (partRange(plan, index).end !== range.end) continue
    await deps.store.recordPart(
      { jobId: job.definition.id, generation, index },
      {
        treeHash: Buffer.from(treeHash, 'hex'),
        sizeBytes: range.end - range.start,
        window: deps.controls().windowParts,
        nowMs: deps.now(),
      },
      signal,
    )
  }
}

function openUploadOf({ progress }: Job): Upload | null {
  const isOpen = progress.state === 'uploading' || progress.state === 'finalizing'
  return isOpen ? uploadOf(progress) : null
}
