import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Archive, Vault } from './catalog.ts'

/** A vault as its last inventory shows it: as it was `lagMs` ago. */
export interface Inventory {
  /** When that inventory was made; null before the first. It stays while nothing changes. */
  readonly dateMs: number | null
  readonly archives: readonly Archive[]
  /** Whether anything was written or deleted that it does not show. */
  readonly isBehind: boolean
}

export function inventoryOf(vault: Vault, nowMs: number, lagMs: number): Inventory {
  const asOfMs = nowMs - lagMs
  const changes: number[] = []
  const archives: Archive[] = []
  for (const archive of vault.archives.values()) {
    const { createdAtMs } = archive.header
    const { deletedAtMs } = archive
    changes.push(createdAtMs)
    if (deletedAtMs !== null) changes.push(deletedAtMs)
    const isThere = createdAtMs <= asOfMs && (deletedAtMs === null || deletedAtMs > asOfMs)
    if (isThere) archives.push(archive)
  }
  if (vault.record.forgottenChangeAtMs !== null) changes.push(vault.record.forgottenChangeAtMs)
  const seen = changes.filter((atMs) => atMs <= asOfMs)
  const lastMs = seen.reduce((latest, atMs) => Math.max(latest, atMs), 0)
  return {
    dateMs: seen.length === 0 ? null : lastMs + lagMs,
    archives,
    isBehind: seen.length < changes.length,
  }
}

/** In the order of an inventory: by creation, then id. */
export function inventoryPosition({ header }: Archive): string {
  return `${String(header.createdAtMs).padStart(15, '0')} ${header.archiveId}`
}

/** Inventories write dates without milliseconds, unlike every other answer. */
export function inventoryDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

function* jsonLines(arn: string, dateMs: number, archives: readonly Archive[]): Iterable<string> {
  const head = { VaultARN: arn, InventoryDate: inventoryDate(dateMs) }
  yield `${JSON.stringify(head).slice(0, -1)},"ArchiveList":[`
  for (const [index, { header }] of archives.entries()) {
    const row = {
      ArchiveId: header.archiveId,
      ArchiveDescription: header.description ?? '',
      CreationDate: inventoryDate(header.createdAtMs),
      Size: header.sizeBytes,
      SHA256TreeHash: header.treeHash,
    }
    yield `${index === 0 ? '' : ','}${JSON.stringify(row)}`
  }
  yield ']}'
}

/** Quotes inside a field get a backslash and backslashes do not: as the live service has it. */
function* csvLines(archives: readonly Archive[]): Iterable<string> {
  yield 'ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n'
  for (const { header } of archives) {
    const description = `"${(header.description ?? '').replaceAll('"', '\\"')}"`
    const date = inventoryDate(header.createdAtMs)
    yield `${[header.archiveId, description, date, header.sizeBytes, header.treeHash].join(',')}\n`
  }
}

/** Writes an inventory to a new file, synced, however long it is. Returns its size in bytes. */
export async function writeInventory(
  path: string,
  input: {
    readonly format: 'JSON' | 'CSV'
    readonly arn: string
    readonly dateMs: number
    readonly archives: readonly Archive[]
  },
): Promise<number> {
  const lines =
    input.format === 'JSON'
      ? jsonLines(input.arn, input.dateMs, input.archives)
      : csvLines(input.archives)
  await pipeline(Readable.from(lines), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  await using file = await open(path, 'r+')
  await file.sync()
  return (await file.stat()).size
}
