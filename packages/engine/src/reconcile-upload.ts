import { AppError, type Job, type Progress, parseMarker } from '@firn/core'
import type { Inventory, InventoryArchive } from '@firn/glacier'
import { applyEvent } from './apply-event.ts'
import { archiveReceipt } from './archive-receipt.ts'
import type { FinalizeDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

const DAY_MS = 24 * 3600 * 1000

export type Reconciling = Extract<Progress, { state: 'reconciling' }>

/**
 * Finds out what became of an upload that Glacier no longer knows although Complete may have been
 * sent for it. A repeated Complete has just failed; what is left to ask is the list of uploads (it
 * may still be open after all) and the vault's inventory.
 *
 * A match in any inventory proves the archive. Its absence proves something only in an inventory
 * taken well after the upload was gone: from then on no delayed Complete could create anything.
 * Until one or the other is known nothing is uploaded again.
 *
 * @throws AppError OUTCOME_UNKNOWN while it has to wait; the queue asks again later.
 */
export async function reconcileUpload(
  deps: FinalizeDeps,
  job: Job,
  progress: Reconciling,
  signal: AbortSignal,
): Promise<void> {
  const { id, vault } = job.definition
  const { generation, upload } = progress
  const receipt = (await deps.journal.load(id, signal))?.receipt
  if (receipt != null) {
    return await archiveReceipt(deps, job, progress, receipt.archive, signal)
  }
  for await (const { uploadId } of deps.glacier.listUploads(vault, signal)) {
    if (uploadId !== upload.uploadId) continue
    await applyEvent(deps, id, generation, { type: 'doubt-cleared' }, signal)
    throw unknown('Glacier lists the upload again; Complete is due once more')
  }
  const inventory = await readInventory(deps, job, progress, signal)
  const found = oldestMatch(job, progress, inventory)
  if (found !== undefined) {
    const { archiveId, treeHash } = found
    // "-" is the account of whoever asks, as in every path that Glacier takes.
    const location = `/${inventory.account ?? '-'}/vaults/${vault}/archives/${archiveId}`
    return await archiveReceipt(deps, job, progress, { archiveId, location, treeHash }, signal)
  }
  await askAgain(deps, job, progress, null, signal)
  if (inventory.takenAtMs <= progress.doubtSinceMs + deps.inventoryMarginMs) {
    throw unknown('The inventory is older than the doubt')
  }
  const event = { type: 'upload-lost' } as const
  const { stored } = await applyEvent(deps, id, generation, event, signal)
  await enqueueWork(deps, stored.job, signal)
}

async function readInventory(
  deps: FinalizeDeps,
  job: Job,
  progress: Reconciling,
  signal: AbortSignal,
): Promise<Inventory> {
  const { vault } = job.definition
  const { inventoryJobId, upload } = progress
  if (inventoryJobId === null) {
    // From well before: the times are of other clocks than Glacier's.
    const sinceMs = Math.max(0, Math.min(job.definition.createdAtMs, upload.openedAtMs) - DAY_MS)
    const asked = await deps.inventories.askInventory({ vault, sinceMs }, signal)
    await askAgain(deps, job, progress, asked.inventoryJobId, signal)
    throw unknown('An inventory was asked for')
  }
  const inventory = await deps.inventories.readInventory({ vault, inventoryJobId }, signal)
  if (inventory === 'pending') throw unknown('The inventory is not ready yet')
  if (inventory !== 'gone') return inventory
  await askAgain(deps, job, progress, null, signal)
  throw unknown('The inventory has expired; another will be asked for')
}

async function askAgain(
  deps: FinalizeDeps,
  job: Job,
  progress: Reconciling,
  inventoryJobId: string | null,
  signal: AbortSignal,
): Promise<void> {
  const event = { type: 'inventory-asked', inventoryJobId } as const
  await applyEvent(deps, job.definition.id, progress.generation, event, signal)
}

/**
 * Marker and size must agree: a generation has one upload, so its archive is ours. The one with
 * the tree hash that was intended last comes first; an earlier Complete may have had another.
 */
function oldestMatch(
  job: Job,
  { generation, upload, treeHash }: Reconciling,
  { archives }: Inventory,
): InventoryArchive | undefined {
  const isMine = (archive: InventoryArchive) => {
    const marker = parseMarker(archive.description)
    return (
      marker?.jobId === job.definition.id &&
      marker.generation === generation &&
      archive.sizeBytes === upload.plan.sizeBytes
    )
  }
  const rank = (archive: InventoryArchive) => (archive.treeHash === treeHash ? 0 : 1)
  return archives
    .filter(isMine)
    .sort((a, b) => rank(a) - rank(b) || a.createdAtMs - b.createdAtMs)[0]
}

function unknown(message: string): AppError {
  return new AppError('OUTCOME_UNKNOWN', message)
}
