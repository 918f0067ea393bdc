import { type Archive, accountOf, invariant, type Job, type Progress } from '@firn/core'
import { applyEvent } from './apply-event.ts'
import type { FinalizeDeps } from './deps.ts'
import { partTreeHashes } from './seal-upload.ts'

/** Of receipts; docs/receipts.md says what each has. */
const FORMAT_VERSION = 2

type Sealed = Extract<Progress, { state: 'finalizing' | 'reconciling' }>

/**
 * Puts the archive id where it cannot be lost, then says `archived`. The receipt comes first: a
 * crash in between leaves a receipt, and the next run gets the same archive from Complete.
 */
export async function archiveReceipt(
  deps: FinalizeDeps,
  job: Job,
  progress: Sealed,
  archive: Archive,
  signal: AbortSignal,
): Promise<void> {
  const { definition } = job
  const { generation, upload } = progress
  const { plan, pin } = upload
  const ref = { jobId: definition.id, generation }
  const table = await deps.store.loadParts({ ...ref, partCount: plan.partCount }, signal)
  const hashes = partTreeHashes(table, plan) ?? []
  const receipt = await deps.journal.putReceipt(
    {
      formatVersion: FORMAT_VERSION,
      ...ref,
      vault: definition.vault,
      region: deps.region,
      account: accountOf(archive),
      archive,
      description: definition.description,
      labels: definition.labels,
      plan,
      partTreeHashes: hashes.map((hash) => Buffer.from(hash).toString('hex')),
      source: definition.source,
      pin,
      sha256: definition.expected.sha256,
      createdAtMs: definition.createdAtMs,
      archivedAtMs: deps.now(),
    },
    signal,
  )
  // One upload becomes one archive, and a generation has one upload.
  invariant(
    receipt.archive.archiveId === archive.archiveId,
    `job ${definition.id} has archives "${receipt.archive.archiveId}" and "${archive.archiveId}"`,
  )
  const event = { type: 'completed', archive: receipt.archive } as const
  await applyEvent(deps, definition.id, generation, event, signal)
}
