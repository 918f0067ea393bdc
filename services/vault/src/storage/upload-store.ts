import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { archiveRecord } from './archive-record.ts'
import { type ArchiveClaim, type Assembly, assembleParts } from './assembly.ts'
import { archiveFile, closedFile, itemDir, newArchive, type Upload, type Vault } from './catalog.ts'
import type { DataDirectory } from './data-directory.ts'
import { partFileName, type StoredPart } from './part-file.ts'
import type { ClosedRecord } from './records.ts'
import { rememberArchive } from './recovery.ts'

export type Completion =
  | { readonly kind: 'completed'; readonly archiveId: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'refused'; readonly assembly: Exclude<Assembly, { kind: 'sound' }> }

export interface UploadStore {
  /**
   * Makes received bytes, synced at `tempPath`, the part `index`: in place of an earlier one. Of
   * two at once the later commit stays, whole. False, the bytes gone, when the upload has ended.
   */
  readonly commitPart: (
    vault: Vault,
    upload: Upload,
    part: Omit<StoredPart, 'version'> & { readonly tempPath: string },
  ) => Promise<boolean>
  /** Makes the archive, if the parts are what the claim says. A refusal leaves the upload open. */
  readonly completeUpload: (
    vault: Vault,
    upload: Upload,
    claim: ArchiveClaim,
  ) => Promise<Completion>
  /** Ends the upload and frees its disk. False when it has ended already. */
  readonly abortUpload: (vault: Vault, upload: Upload) => Promise<boolean>
  /** As an abort, but nothing remembers it. */
  readonly expireUpload: (vault: Vault, upload: Upload) => Promise<void>
}

interface Dependencies {
  readonly directory: DataDirectory
  readonly clock: Clock
  readonly mintArchiveId: (vaultKey: string) => string
}

export function createUploadStore(dependencies: Dependencies): UploadStore {
  const { directory, clock } = dependencies
  const { files } = directory

  return {
    commitPart: (vault, upload, { tempPath, ...received }) =>
      upload.gate.shared(async () => {
        if (upload.isClosed) {
          await files.discard(tempPath)
          return false
        }
        directory.assertSound()
        upload.lastVersion += 1
        const part = { ...received, version: upload.lastVersion }
        const pathOf = (one: StoredPart): string =>
          join(itemDir(vault, upload.key), partFileName(one))
        await files.publish(tempPath, pathOf(part))
        const other = upload.parts[part.index]
        const isOvertaken = other !== undefined && other.version > part.version
        if (!isOvertaken) upload.parts[part.index] = part
        const stale = isOvertaken ? part : other
        if (stale !== undefined) await files.discard(pathOf(stale))
        return true
      }),

    completeUpload: (vault, upload, claim) =>
      upload.gate.exclusive(() => complete(dependencies, { vault, upload, claim })),

    abortUpload: (vault, upload) =>
      upload.gate.exclusive(async () => {
        if (upload.isClosed) return false
        directory.assertSound()
        const { uploadId } = upload.record
        const record: ClosedRecord = { kind: 'aborted', uploadId, closedAtMs: clock.nowMs() }
        await files.write(closedFile(vault, upload.key), JSON.stringify(record))
        upload.isClosed = true
        vault.uploads.delete(uploadId)
        const ending = { kind: 'aborted', key: upload.key, endedAtMs: record.closedAtMs } as const
        vault.endings.set(uploadId, ending)
        await files.retire(itemDir(vault, upload.key))
        return true
      }),

    expireUpload: (vault, upload) =>
      upload.gate.exclusive(async () => {
        if (upload.isClosed) return
        directory.assertSound()
        await files.retire(itemDir(vault, upload.key))
        upload.isClosed = true
        vault.uploads.delete(upload.record.uploadId)
      }),
  }
}

async function complete(
  { directory, clock, mintArchiveId }: Dependencies,
  input: { readonly vault: Vault; readonly upload: Upload; readonly claim: ArchiveClaim },
): Promise<Completion> {
  const { vault, upload, claim } = input
  if (upload.isClosed) return { kind: 'closed' }
  const { uploadId, description, partSizeBytes } = upload.record
  const assembly = assembleParts(upload.parts, partSizeBytes, claim)
  if (assembly.kind !== 'sound') return { kind: 'refused', assembly }
  directory.assertSound()
  const header = {
    archiveId: mintArchiveId(vault.key),
    uploadId,
    description,
    createdAtMs: clock.nowMs(),
    partSizeBytes,
    ...claim,
  }
  // This one file is the archive, the end of the upload and the memory of both.
  const record = archiveRecord(header, assembly.parts)
  await directory.files.write(archiveFile(vault, upload.key), record)
  upload.isClosed = true
  vault.uploads.delete(uploadId)
  rememberArchive(vault, newArchive(upload.key, header))
  return { kind: 'completed', archiveId: header.archiveId }
}
