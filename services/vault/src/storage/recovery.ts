import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { z } from 'zod'
import { readArchiveHeader } from './archive-record.ts'
import {
  type Archive,
  archiveFile,
  type Catalog,
  createCatalog,
  itemDir,
  newArchive,
  newUpload,
  newVault,
  type Upload,
  type Vault,
} from './catalog.ts'
import type { DataDirectory } from './data-directory.ts'
import type { DurableFiles } from './durable-files.ts'
import { parsePartFileName, partFileName } from './part-file.ts'
import { ClosedRecord, JobRecord, UploadRecord, VaultRecord } from './records.ts'

/**
 * Reads the state of every vault from the disk and finishes what a crash interrupted. A crash in
 * here changes nothing: the next start does the same again.
 */
export async function recoverCatalog(directory: DataDirectory): Promise<Catalog> {
  const catalog = createCatalog()
  for (const key of await readdir(directory.vaultsDir)) {
    const path = join(directory.vaultsDir, key, 'vault.json')
    const vault = newVault(key, await readRecord(path, VaultRecord), directory.vaultsDir)
    await recoverVault(vault, directory.files)
    catalog.add(vault)
  }
  return catalog
}

async function recoverVault(vault: Vault, files: DurableFiles): Promise<void> {
  for (const { key, record } of await readRecords(join(vault.path, 'jobs'), JobRecord)) {
    vault.jobs.set(record.jobId, { key, record })
  }
  const closed = await readRecords(join(vault.path, 'closed'), ClosedRecord)
  const closedByKey = new Map(closed.map(({ key, record }) => [key, record]))
  for (const { key, record } of closed) rememberClosed(vault, key, record)
  for (const key of await readdir(join(vault.path, 'items'))) {
    const record = closedByKey.get(key)
    if (record === undefined) await recoverItem(vault, key, files)
    else if (record.kind === 'deleted') keepData(vault, record.header.archiveId)
    else await files.retire(itemDir(vault, key))
  }
}

/** Whether a job still needs the data is for the sweep to find out. */
function keepData(vault: Vault, archiveId: string): void {
  const archive = vault.archives.get(archiveId)
  if (archive !== undefined) archive.hasData = true
}

function rememberClosed(vault: Vault, key: string, record: ClosedRecord): void {
  switch (record.kind) {
    case 'aborted':
      vault.endings.set(record.uploadId, { kind: 'aborted', key, endedAtMs: record.closedAtMs })
      return
    case 'deleted': {
      const archive = newArchive(key, record.header)
      rememberArchive(vault, { ...archive, deletedAtMs: record.closedAtMs, hasData: false })
    }
  }
}

async function recoverItem(vault: Vault, key: string, files: DurableFiles): Promise<void> {
  const header = await readArchiveHeader(archiveFile(vault, key))
  if (header !== undefined) {
    rememberArchive(vault, newArchive(key, header))
    return
  }
  const record = await readRecord(join(itemDir(vault, key), 'upload.json'), UploadRecord)
  const upload = newUpload(key, record)
  await recoverParts(itemDir(vault, key), upload, files)
  vault.uploads.set(record.uploadId, upload)
}

/** Puts an archive where it is found, and its upload where a repeated Complete finds it. */
export function rememberArchive(vault: Vault, archive: Archive): void {
  const { archiveId, uploadId, sizeBytes, treeHash, createdAtMs } = archive.header
  vault.archives.set(archiveId, archive)
  if (uploadId === null) return
  const ending = { kind: 'completed', archiveId, sizeBytes, treeHash } as const
  vault.endings.set(uploadId, { ...ending, endedAtMs: createdAtMs })
}

async function recoverParts(path: string, upload: Upload, files: DurableFiles): Promise<void> {
  for (const name of await readdir(path)) {
    const part = parsePartFileName(name)
    if (part === undefined) continue
    upload.lastVersion = Math.max(upload.lastVersion, part.version)
    const other = upload.parts[part.index]
    const [stale, newest] = isOlder(part, other) ? [part, other] : [other, part]
    upload.parts[part.index] = newest
    if (stale !== undefined) await files.discard(join(path, partFileName(stale)))
  }
  // Every part that was stored renamed a file into the directory.
  upload.lastActiveAtMs = Math.max(upload.lastActiveAtMs, (await stat(path)).mtimeMs)
}

function isOlder(
  part: { readonly version: number },
  other: { readonly version: number } | undefined,
): boolean {
  return other !== undefined && part.version < other.version
}

async function readRecords<Record>(
  path: string,
  schema: z.ZodType<Record>,
): Promise<readonly { readonly key: string; readonly record: Record }[]> {
  const found: { readonly key: string; readonly record: Record }[] = []
  for (const name of await readdir(path)) {
    if (!name.endsWith('.json')) continue
    found.push({
      key: basename(name, '.json'),
      record: await readRecord(join(path, name), schema),
    })
  }
  return found
}

async function readRecord<Record>(path: string, schema: z.ZodType<Record>): Promise<Record> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    throw new Error(`Cannot read the record "${path}"`, { cause: error })
  }
}
