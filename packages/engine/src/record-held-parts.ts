import { type Job, partRange, toAppError, uploadOf } from '@firn/core'
import type { GlacierDeps } from './deps.ts'

/**
 * Notes the parts that Glacier holds, as far as they are whole parts of the plan, so that a job
 * that Redis forgot does not upload them again.
 */
export async function recordHeldParts(
  deps: GlacierDeps,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
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
          window: deps.controls().windowParts,
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
