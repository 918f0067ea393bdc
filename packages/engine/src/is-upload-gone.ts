import { toAppError } from '@firn/core'
import type { UploadRef } from '@firn/glacier'
import type { GlacierDeps } from './deps.ts'

/**
 * Asks Glacier once more whether it knows the upload, after a call said that it does not: two
 * answers of different operations have to agree before an upload counts as gone.
 */
export async function isUploadGone(
  deps: GlacierDeps,
  upload: UploadRef,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for await (const _first of deps.glacier.listParts(upload, signal)) break
    return false
  } catch (error) {
    if (toAppError(error).code === 'GLACIER_UPLOAD_NOT_FOUND') return true
    throw error
  }
}
