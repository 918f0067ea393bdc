import { type Job, toAppError, uploadOf } from '@firn/core'
import type { GlacierDeps } from './deps.ts'

/**
 * Asks Glacier once more whether it knows the job's upload, after a call said that it does not:
 * two answers of different operations have to agree before an upload counts as gone.
 */
export async function isUploadGone(
  deps: GlacierDeps,
  job: Job,
  signal: AbortSignal,
): Promise<boolean> {
  const uploadId = uploadOf(job.progress)?.uploadId
  if (uploadId === undefined) return false
  try {
    const parts = deps.glacier.listParts({ vault: job.definition.vault, uploadId }, signal)
    for await (const _first of parts) break
    return false
  } catch (error) {
    if (toAppError(error).code === 'GLACIER_UPLOAD_NOT_FOUND') return true
    throw error
  }
}
