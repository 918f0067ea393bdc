import { toAppError } from '@firn/core'
import type { GlacierDeps } from './deps.ts'

/** Aborts an upload that may be gone already. Never call it for one that a Complete was sent for. */
export async function abortQuietly(
  deps: GlacierDeps,
  vault: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await deps.glacier.abortUpload({ vault, uploadId }, signal)
  } catch (error) {
    if (toAppError(error).code !== 'GLACIER_UPLOAD_NOT_FOUND') throw error
  }
}
