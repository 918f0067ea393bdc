import { toAppError } from '@firn/core'
import type { UploadRef } from '@firn/glacier'
import type { GlacierDeps } from './deps.ts'
import { isUploadGone } from './is-upload-gone.ts'

/** Aborts an upload that may be gone already. Never call it for one that a Complete was sent for. */
export async function abortQuietly(
  deps: GlacierDeps,
  upload: UploadRef,
  signal: AbortSignal,
): Promise<void> {
  try {
    await deps.glacier.abortUpload(upload, signal)
  } catch (error) {
    const isDenied = toAppError(error).code === 'GLACIER_UPLOAD_NOT_FOUND'
    if (!isDenied || !(await isUploadGone(deps, upload, signal))) throw error
  }
}
