import { AppError, type Job, type Progress, parseMarker } from '@firn/core'
import type { Inventory, InventoryArchive } from '@firn/glacier'
import { applyEvent } from './apply-event.ts'
import { archiveReceipt } from './archive-receipt.ts'
import type { FinalizeDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { loadEntry } from './load-entry.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS

export type Reconciling = Extract<Progress, { state: 'reconciling' }>

/**
 * Finds out what became of an upload that Glacier no longer knows although Complete may have been
 * sent for it. A repeated Complete has just failed; what is left to ask is the list of uploads (it
 * may still be open after all) and the vault's inventory.
 *
 * A match in any inventory proves the archive. Its absence proves something only in an inventory
 * taken well after the upload was gone: from then on no delayed Complete could create anything.
 * Until one or the other is known nothing is uploaded again. Glacier takes no inventory while
 * nothing in the vault changes, so one that is asked for in vain is asked for once, and a doubt that
 * lasts says that it needs an operator.
 *
 * @throws AppError OUTCOME_UNKNOWN or OUTCOME_NEEDS_OPERATOR while it has to wait; the queue asks
 * again later.
 */
export async function reconcileUpload(
  deps: FinalizeDeps,
  job: Job,
  progress: Reconciling,
  signal: AbortSignal,
): Promise<void> {
  const { id, vault } = job.definition
  const { generation, upload } = progress
  const { receipt } = await loadEntry(deps, id, signal)
  if (receipt !== null) {
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
  const { inventoryDateMs } = progress
  await noteInventory(deps, job, { inventoryJobId: null, inventoryDateMs }, signal)
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
  const { inventoryJobId } = progress
  if (inventoryJobId === null) return await askInventory(deps, job, progress, signal)
  const inventory = await deps.inventories.readInventory({ vault, inventoryJobId }, signal)
  if (inventory === 'pending') throw unknown('The inventory is not ready yet')
  if (inventory !== 'gone') return inventory
  await noteInventory(deps, job, { inventoryJobId: null, inventoryDateMs: null }, signal)
  throw unknown('The inventory has expired; another will be asked for')
}

/** Asks for the vault's inventory, once there is one that may show what none before did. */
async function askInventory(
  deps: FinalizeDeps,
  job: Job,
  progress: Reconciling,
  signal: AbortSignal,
): Promise<never> {
  const { vault, createdAtMs } = job.definition
  // From well before: the times are of other clocks than Glacier's.
  const sinceMs = Math.max(0, Math.min(createdAtMs, progress.upload.openedAtMs) - DAY_MS)
  const inventoryDateMs = await deps.inventories.inventoryDateMs(vault, signal)
  if (inventoryDateMs === null || inventoryDateMs <= (progress.inventoryDateMs ?? sinceMs)) {
    throw noInventory(deps, job, progress)
  }
  const { inventoryJobId } = await deps.inventories.askInventory({ vault, sinceMs }, signal)
  await noteInventory(deps, job, { inventoryJobId, inventoryDateMs }, signal)
  throw unknown('An inventory was asked for')
}

function noInventory(
  deps: FinalizeDeps,
  { definition: { vault } }: Job,
  { doubtSinceMs }: Reconciling,
): AppError {
  const ageMs = deps.now() - doubtSinceMs
  if (ageMs <= deps.inventoryPatienceMs)
    return unknown(`Vault "${vault}" has no newer inventory yet`)
  return new AppError(
    'OUTCOME_NEEDS_OPERATOR',
    `For ${Math.floor(ageMs / HOUR_MS)} h it has not been known whether Glacier made the archive, ` +
      `and vault "${vault}" has no newer inventory: none is taken while nothing in it changes. ` +
      'Upload any small archive to the vault, with any tool; the next inventory settles this job',
  )
}

async function noteInventory(
  deps: FinalizeDeps,
  { definition, progress }: Job,
  asked: { readonly inventoryJobId: string | null; readonly inventoryDateMs: number | null },
  signal: AbortSignal,
): Promise<void> {
  const event = { type: 'inventory-asked', ...asked } as const
  await applyEvent(deps, definition.id, progress.generation, event, signal)
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
