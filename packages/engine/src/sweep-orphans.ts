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
  /**
   * Uploads of this Firn's jobs that no job owns: within their grace, just aborted, or such that
   * could not be aborted. What could not be listed is not among them.
   */
  readonly orphans: number
  readonly aborted: number
  readonly failures: readonly OrphanFailure[]
}

/** What a look at the vaults could not do; the rest was done all the same. */
export interface OrphanFailure {
  /** Null when the vaults themselves could not be listed to their end. */
  readonly vault: string | null
  /** The orphan that could not be aborted; null when the vault could not be looked through. */
  readonly uploadId: string | null
  readonly error: unknown
}

interface Tally {
  orphans: number
  aborted: number
  readonly failures: OrphanFailure[]
}

/**
 * Aborts the multipart uploads that nobody owns: those whose Initiate was answered too late or to
 * a process that had died. Only uploads whose marker names a job that this store knows are
 * considered, and only once the job's record says that it has another upload or wants none; what
 * somebody else opened in the vault, another Firn included, is never touched.
 *
 * What fails is reported and hides nothing else: not another upload, not another vault.
 */
export async function sweepOrphans(deps: OrphanDeps, signal: AbortSignal): Promise<OrphanReport> {
  const tally: Tally = { orphans: 0, aborted: 0, failures: [] }
  const note = (vault: string | null, uploadId: string | null, error: unknown): void => {
    signal.throwIfAborted()
    tally.failures.push({ vault, uploadId, error })
  }
  try {
    for await (const { name } of deps.vaults.listVaults(signal)) {
      await sweepVault(deps, name, { tally, note }, signal).catch((error) =>
        note(name, null, error),
      )
    }
  } catch (error) {
    note(null, null, error)
  }
  return tally
}

async function sweepVault(
  deps: OrphanDeps,
  vault: string,
  report: {
    readonly tally: Tally
    readonly note: (vault: string, uploadId: string, error: unknown) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const { tally, note } = report
  for await (const upload of deps.glacier.listUploads(vault, signal)) {
    if ((await ownerOf(deps, vault, upload, signal))?.isOrphan !== true) continue
    tally.orphans += 1
    if (upload.createdAtMs > deps.now() - deps.graceMs) continue
    try {
      await abortQuietly(deps, { vault, uploadId: upload.uploadId }, signal)
      tally.aborted += 1
    } catch (error) {
      note(vault, upload.uploadId, error)
    }
  }
}
