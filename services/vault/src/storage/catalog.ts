import { join } from 'node:path'
import { createGate, type Gate } from '../gate.ts'
import type { ArchiveHeader } from './archive-record.ts'
import type { StoredPart } from './part-file.ts'
import type { JobRecord, UploadRecord, VaultRecord } from './records.ts'

/** A multipart upload in progress. */
export interface Upload {
  readonly key: string
  readonly record: UploadRecord
  /** By index; holes where no part was stored. */
  readonly parts: (StoredPart | undefined)[]
  /** Parts are committed sharing it; Complete, Abort and expiry take it alone. */
  readonly gate: Gate
  /** Parts that are being received: an upload that has some does not expire. */
  receivingCount: number
  lastActiveAtMs: number
  lastVersion: number
  isClosed: boolean
}

/** An archive, or what is remembered of one that was deleted. */
export interface Archive {
  readonly key: string
  readonly header: ArchiveHeader
  /** Null while the archive exists. */
  deletedAtMs: number | null
  /** The data of a deleted archive stays while a prepared job or a download needs it. */
  hasData: boolean
  readerCount: number
}

export interface Job {
  readonly key: string
  readonly record: JobRecord
}

/** How an upload that is not open any more ended, while that can be asked for again. */
export type Ending =
  | {
      readonly kind: 'completed'
      readonly archiveId: string
      readonly sizeBytes: number
      readonly treeHash: string
      readonly endedAtMs: number
    }
  | { readonly kind: 'aborted'; readonly key: string; readonly endedAtMs: number }

/** What is known of one vault, in memory. Every change is on the disk before it is here. */
export interface Vault {
  readonly key: string
  record: VaultRecord
  readonly path: string
  readonly uploads: Map<string, Upload>
  /** By archive id; of those that were deleted, the recent ones. */
  readonly archives: Map<string, Archive>
  /** By upload id. */
  readonly endings: Map<string, Ending>
  readonly jobs: Map<string, Job>
  /** Initiations share it; the deletion of the vault takes it alone. */
  readonly gate: Gate
  /** Changes of the record, one at a time. */
  readonly recordGate: Gate
  isDeleted: boolean
}

/** Every vault of every account. */
export interface Catalog {
  readonly find: (accountId: string, name: string) => Vault | undefined
  readonly add: (vault: Vault) => void
  readonly remove: (vault: Vault) => void
  /** Of one account, by name in ASCII order. */
  readonly list: (accountId: string) => readonly Vault[]
  readonly all: () => Iterable<Vault>
}

export function createCatalog(): Catalog {
  const byAccount = new Map<string, Map<string, Vault>>()
  return {
    find: (accountId, name) => byAccount.get(accountId)?.get(name),
    add(vault) {
      const { accountId, name } = vault.record
      const vaults = byAccount.get(accountId) ?? new Map<string, Vault>()
      byAccount.set(accountId, vaults.set(name, vault))
    },
    remove(vault) {
      byAccount.get(vault.record.accountId)?.delete(vault.record.name)
    },
    list(accountId) {
      const vaults = [...(byAccount.get(accountId)?.values() ?? [])]
      return vaults.sort((a, b) => (a.record.name < b.record.name ? -1 : 1))
    },
    *all() {
      for (const vaults of byAccount.values()) yield* vaults.values()
    },
  }
}

export function newVault(key: string, record: VaultRecord, vaultsDir: string): Vault {
  return {
    key,
    record,
    path: join(vaultsDir, key),
    uploads: new Map(),
    archives: new Map(),
    endings: new Map(),
    jobs: new Map(),
    gate: createGate(),
    recordGate: createGate(),
    isDeleted: false,
  }
}

export function newUpload(key: string, record: UploadRecord): Upload {
  return {
    key,
    record,
    parts: [],
    gate: createGate(),
    receivingCount: 0,
    lastActiveAtMs: record.createdAtMs,
    lastVersion: 0,
    isClosed: false,
  }
}

export function newArchive(key: string, header: ArchiveHeader): Archive {
  return { key, header, deletedAtMs: null, hasData: true, readerCount: 0 }
}

// The layout of a vault's directory.
export const vaultFile = (vault: Vault): string => join(vault.path, 'vault.json')
export const itemDir = (vault: Vault, key: string): string => join(vault.path, 'items', key)
export const archiveFile = (vault: Vault, key: string): string =>
  join(vault.path, 'items', key, 'archive')
export const closedFile = (vault: Vault, key: string): string =>
  join(vault.path, 'closed', `${key}.json`)
export const jobFile = (vault: Vault, jobKey: string): string =>
  join(vault.path, 'jobs', `${jobKey}.json`)
export const outputFile = (vault: Vault, jobKey: string): string =>
  join(vault.path, 'jobs', `${jobKey}.output`)
