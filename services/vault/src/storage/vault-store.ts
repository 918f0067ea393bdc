import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { createGate } from '../gate.ts'
import { createArchiveIds, newKey, newUploadId } from '../ids.ts'
import { type AccountStore, createAccountStore } from './account-store.ts'
import { type ArchiveStore, createArchiveStore } from './archive-store.ts'
import { type Catalog, newUpload, newVault, type Upload, type Vault } from './catalog.ts'
import type { DataDirectory } from './data-directory.ts'
import { createRecordStore, type RecordStore } from './record-store.ts'
import type { VaultRecord } from './records.ts'
import { recoverCatalog } from './recovery.ts'
import { createUploadStore, type UploadStore } from './upload-store.ts'

/**
 * The vaults and what is in them. Every change is durable when its promise resolves, and either
 * happened or did not: a crash in between leaves no third state.
 */
export interface VaultStore extends UploadStore, ArchiveStore, RecordStore {
  readonly catalog: Catalog
  /** A path for bytes that are being received. */
  readonly newTempPath: () => string
  readonly discard: (tempPath: string) => Promise<void>
  /** The vault of that name, created if there is none. */
  readonly createVault: (accountId: string, name: string) => Promise<Vault>
  /** False, and nothing changed, when the vault holds anything or was written to too recently. */
  readonly deleteVault: (vault: Vault) => Promise<boolean>
  /** Undefined when the vault was deleted meanwhile. */
  readonly createUpload: (
    vault: Vault,
    input: { readonly description: string | null; readonly partSizeBytes: number },
  ) => Promise<Upload | undefined>
  readonly accounts: AccountStore
  /** The key of the vault that minted an archive id, however long ago. */
  readonly vaultKeyOf: (archiveId: string) => string | undefined
  /** Throws once a failed sync has left the disk's state unknown. */
  readonly assertSound: () => void
}

export async function openVaultStore(options: {
  readonly directory: DataDirectory
  readonly clock: Clock
}): Promise<VaultStore> {
  const { directory, clock } = options
  const { files, vaultsDir } = directory
  const catalog = await recoverCatalog(directory)
  const archiveIds = createArchiveIds(directory.secret)
  const vaultsGate = createGate()

  return {
    catalog,
    newTempPath: files.newTempPath,
    discard: files.discard,
    vaultKeyOf: archiveIds.vaultKeyOf,
    assertSound: directory.assertSound,
    accounts: createAccountStore(directory),
    ...createUploadStore({ directory, clock, mintArchiveId: archiveIds.mint }),
    ...createRecordStore(directory),
    ...createArchiveStore({ directory, clock, mintArchiveId: archiveIds.mint }),

    createVault: (accountId, name) =>
      vaultsGate.exclusive(async () => {
        const known = catalog.find(accountId, name)
        if (known !== undefined) return known
        directory.assertSound()
        const record = newVaultRecord(accountId, name, clock.nowMs())
        const vault = newVault(newKey(), record, vaultsDir)
        const contents = { 'vault.json': JSON.stringify(record) }
        await files.writeDirectory(vault.path, contents, {
          directories: ['items', 'closed', 'jobs'],
        })
        catalog.add(vault)
        return vault
      }),

    deleteVault: (vault) =>
      vault.gate.exclusive(async () => {
        if (vault.isDeleted) return true
        const isEmpty = [...vault.archives.values()].every((one) => one.deletedAtMs !== null)
        if (vault.uploads.size > 0 || !isEmpty) return false
        directory.assertSound()
        await files.retire(vault.path)
        vault.isDeleted = true
        catalog.remove(vault)
        return true
      }),

    createUpload: (vault, input) =>
      vault.gate.shared(async () => {
        if (vault.isDeleted) return undefined
        directory.assertSound()
        const record = { ...input, uploadId: newUploadId(), createdAtMs: clock.nowMs() }
        const upload = newUpload(newKey(), record)
        const path = join(vault.path, 'items', upload.key)
        await files.writeDirectory(path, { 'upload.json': JSON.stringify(record) })
        vault.uploads.set(record.uploadId, upload)
        return upload
      }),
  }
}

function newVaultRecord(accountId: string, name: string, createdAtMs: number): VaultRecord {
  return {
    name,
    accountId,
    createdAtMs,
    tags: {},
    notifications: null,
    accessPolicy: null,
    lock: null,
    forgottenChangeAtMs: null,
  }
}
