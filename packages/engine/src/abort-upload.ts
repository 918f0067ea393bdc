import { parseMarker, toAppError } from '@firn/core'
import type { JobRef, RunContext } from '@firn/queue'
import { abortQuietly } from './abort-quietly.ts'
import { applyEvent } from './apply-event.ts'
import type { GlacierDeps } from './deps.ts'

/**
 * Aborts the upload of a job that ended without an archive, so that nothing is left behind and
 * nothing is paid for. An upload whose Initiate was never answered is found by its marker.
 */
export async function abortUpload(deps: GlacierDeps, ref: JobRef, run: RunContext): Promise<void> {
  const stored = await deps.store.load(ref.jobId, run.signal)
  const progress = stored?.job.progress
  if (stored === undefined || progress?.generation !== ref.generation) return
  if (progress.state !== 'failed' && progress.state !== 'cancelled') return
  if (progress.fate !== 'abort') return

  const { vault } = stored.job.definition
  try {
    const uploadIds =
      progress.upload === null
        ? await findByMarker(deps, vault, ref, run.signal)
        : [progress.upload.uploadId]
    for (const uploadId of uploadIds) await abortQuietly(deps, { vault, uploadId }, run.signal)
  } catch (error) {
    // Without its vault there is no upload either.
    if (toAppError(error).code !== 'GLACIER_VAULT_NOT_FOUND') throw error
  }
  await applyEvent(deps, ref.jobId, ref.generation, { type: 'upload-aborted' }, run.signal)
}

async function findByMarker(
  deps: GlacierDeps,
  vault: string,
  ref: JobRef,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const uploadIds: string[] = []
  for await (const upload of deps.glacier.listUploads(vault, signal)) {
    const marker = parseMarker(upload.description)
    // A retry may have opened the next generation meanwhile; that one is alive.
    const isOurs = marker?.jobId === ref.jobId && marker.generation <= ref.generation
    if (isOurs) uploadIds.push(upload.uploadId)
  }
  return uploadIds
}
