import type { Vaults } from '@firn/glacier'
import { abortQuietly } from './abort-quietly.ts'
import type { GlacierDeps } from './deps.ts'
import { ownerOf } from './upload-owner.ts'

export interface OrphanDeps extends GlacierDeps {
  readonly vaults: Pick<Vaults, 'listVaults'>
  /** Uploads younger than this are left alone: their owner may be about to record them. */
  readonly graceMs: number
}

export interface OrphanReport {
  /** Uploads of this Firn's jobs that no job owns, still within their grace or just aborted. */
  readonly orphans: number
  readonly aborted: number
  /** Why vaults could not be swept, one each. */
  readonly failures: readonly unknown[]
}

/**
 * Aborts the multipart uploads that nobody owns: those whose Initiate was answered too late or to
 * a process that had died. Only uploads whose marker names a job that this store knows are
 * considered, and only once the job's record says that it has another upload or wants none; what
 * somebody else opened in the vault, another Firn included, is never touched.
 */
export async function sweepOrphans(deps: OrphanDeps, signal: AbortSignal): Promise<OrphanReport> {
  const failures: unknown[] = []
  let orphans = 0
  let aborted = 0
  for await (const { name } of deps.vaults.listVaults(signal)) {
    try {
      const swept = await sweepVault(deps, name, signal)
      orphans += swept.orphans
      aborted += swept.aborted
    } catch (error) {
      signal.throwIfAborted()
      // A vault that may not be listed, or is gone by now, must not hide the others.
      failures.push(error)
    }
  }
  return { orphans, aborted, failures }
}

async function sweepVault(
  deps: OrphanDeps,
  vault: string,
  signal: AbortSignal,
): Promise<{ readonly orphans: number; readonly aborted: number }> {
  let orphans = 0
  let aborted = 0
  for await (const upload of deps.glacier.listUploads(vault, signal)) {
    if ((await ownerOf(deps, vault, upload, signal))?.isOrphan !== true) continue
    orphans += 1
    if (upload.createdAtMs > deps.now() - deps.graceMs) continue
    await abortQuietly(deps, { vault, uploadId: upload.uploadId }, signal)
    aborted += 1
  }
  return { orphans, aborted }
}
