import { join } from 'node:path'
import { PART_SIZE_MAX_BYTES } from '@firn/core'
import type { Clock } from '../clock.ts'
import { newKey } from '../ids.ts'
import { archiveRecord, readArchiveParts } from './archive-record.ts'
import {
  type Archive,
  archiveFile,
  closedFile,
  itemDir,
  newArchive,
  type Vault,
} from './catalog.ts'
import type { DataDirectory } from './data-directory.ts'
import { partFileName, type StoredPart } from './part-file.ts'
import type { ClosedRecord } from './records.ts'

export interface ArchiveStore {
  /**
   * Makes received bytes, synced at `tempPath`, an archive of their own and returns its id.
   * Undefined, the bytes gone, when the vault was deleted meanwhile.
   */
  readonly createArchive: (
    vault: Vault,
    input: {
      readonly description: string | null
      readonly sizeBytes: number
      readonly treeHash: string
      readonly tempPath: string
    },
  ) => Promise<string | undefined>
  /** Forgets the archive; frees its disk unless a prepared job or a download needs it. */
  readonly deleteArchive: (vault: Vault, archive: Archive) => Promise<void>
  /** Frees the disk of a deleted archive that nothing needs any more. */
  readonly releaseData: (vault: Vault, archive: Archive) => Promise<void>
  /** The files that hold an archive, in order. */
  readonly readParts: (vault: Vault, archive: Archive) => Promise<readonly ArchivePart[]>
}

export interface ArchivePart extends StoredPart {
  readonly path: string
}

interface Dependencies {
  readonly directory: DataDirectory
  readonly clock: Clock
  readonly mintArchiveId: (vaultKey: string) => string
}

export function createArchiveStore(dependencies: Dependencies): ArchiveStore {
  const { directory, clock } = dependencies
  const { files } = directory

  const isHeld = (vault: Vault, archive: Archive): boolean => {
    if (archive.readerCount > 0) return true
    const { archiveId } = archive.header
    const nowMs = clock.nowMs()
    return [...vault.jobs.values()].some(
      ({ record }) =>
        record.kind === 'archive-retrieval' &&
        record.archiveId === archiveId &&
        record.completesAtMs <= nowMs,
    )
  }

  const releaseData = async (vault: Vault, archive: Archive): Promise<void> => {
    if (archive.deletedAtMs === null || !archive.hasData || isHeld(vault, archive)) return
    archive.hasData = false
    await files.retire(itemDir(vault, archive.key))
  }

  return {
    releaseData,

    createArchive: (vault, { description, tempPath, ...content }) =>
      vault.gate.shared(async () => {
        if (vault.isDeleted) {
          await files.discard(tempPath)
          return undefined
        }
        directory.assertSound()
        const header = {
          archiveId: dependencies.mintArchiveId(vault.key),
          uploadId: null,
          description,
          createdAtMs: clock.nowMs(),
          // One part, whatever its size.
          partSizeBytes: PART_SIZE_MAX_BYTES,
          ...content,
        }
        const part = { index: 0, version: 1, ...content }
        const archive = newArchive(newKey(), header)
        await files.writeDirectory(
          itemDir(vault, archive.key),
          { archive: archiveRecord(header, [part]) },
          { adopted: { [partFileName(part)]: tempPath } },
        )
        vault.archives.set(header.archiveId, archive)
        return header.archiveId
      }),

    async deleteArchive(vault, archive) {
      if (archive.deletedAtMs !== null) return
      directory.assertSound()
      const { header } = archive
      const record: ClosedRecord = { kind: 'deleted', header, closedAtMs: clock.nowMs() }
      await files.write(closedFile(vault, archive.key), JSON.stringify(record))
      archive.deletedAtMs ??= record.closedAtMs
      await releaseData(vault, archive)
    },

    async readParts(vault, archive) {
      const parts = await readArchiveParts(archiveFile(vault, archive.key))
      const path = itemDir(vault, archive.key)
      return parts.map((part) => ({ ...part, path: join(path, partFileName(part)) }))
    },
  }
}
