import type { Clock } from '../clock.ts'
import { closedFile, jobFile, outputFile, type Vault } from './catalog.ts'
import type { DurableFiles } from './durable-files.ts'
import { isExpired, isForgotten, MEMORY_MS } from './lifetimes.ts'
import type { VaultStore } from './vault-store.ts'

/**
 * Frees what time has ended: idle uploads, old jobs, the memory of what was closed long ago, and
 * the data of deleted archives that no job holds any more. Repeating it does no harm.
 */
export async function sweepVaults(options: {
  readonly store: VaultStore
  readonly files: DurableFiles
  readonly clock: Clock
  readonly uploadIdleMs: number
  readonly inventoryLagMs: number
}): Promise<void> {
  for (const vault of [...options.store.catalog.all()]) {
    await sweepUploads(vault, options)
    await sweepJobs(vault, options)
    await sweepArchives(vault, options)
    await sweepEndings(vault, options)
  }
}

type Options = Parameters<typeof sweepVaults>[0]

async function sweepUploads(vault: Vault, options: Options): Promise<void> {
  for (const upload of [...vault.uploads.values()]) {
    if (isExpired(upload, options.clock.nowMs(), options.uploadIdleMs)) {
      await options.store.expireUpload(vault, upload)
    }
  }
}

async function sweepJobs(vault: Vault, { files, clock }: Options): Promise<void> {
  for (const job of [...vault.jobs.values()]) {
    if (!isForgotten(job, clock.nowMs())) continue
    vault.jobs.delete(job.record.jobId)
    await files.discard(jobFile(vault, job.key))
    await files.discard(outputFile(vault, job.key))
  }
}

async function sweepArchives(vault: Vault, options: Options): Promise<void> {
  const { store, files, clock } = options
  // An inventory of the past still shows what was deleted since.
  const memoryMs = Math.max(MEMORY_MS, options.inventoryLagMs)
  for (const archive of [...vault.archives.values()]) {
    const { deletedAtMs } = archive
    if (deletedAtMs === null) continue
    await store.releaseData(vault, archive)
    if (archive.hasData || clock.nowMs() - deletedAtMs <= memoryMs) continue
    await store.updateVault(vault, (record) => ({
      ...record,
      forgottenChangeAtMs: Math.max(record.forgottenChangeAtMs ?? 0, deletedAtMs),
    }))
    vault.archives.delete(archive.header.archiveId)
    await files.discard(closedFile(vault, archive.key))
  }
}

async function sweepEndings(vault: Vault, { files, clock }: Options): Promise<void> {
  for (const [uploadId, ending] of [...vault.endings]) {
    if (clock.nowMs() - ending.endedAtMs <= MEMORY_MS) continue
    vault.endings.delete(uploadId)
    if (ending.kind === 'aborted') await files.discard(closedFile(vault, ending.key))
  }
}
