import type { Readable } from 'node:stream'
import type { Archive, ByteRange } from '@firn/core'

/** One multipart upload in one vault. */
export interface UploadRef {
  readonly vault: string
  readonly uploadId: string
}

export interface UploadPartInput extends UploadRef {
  readonly range: ByteRange
  /** The range's bytes; a stream when they do not fit the memory budget. */
  readonly body: Uint8Array | Readable
  /** Linear SHA-256 of the bytes as they were read from the source: lower-case hex. */
  readonly sha256: string
  /** SHA-256 tree hash of the same bytes: lower-case hex. */
  readonly treeHash: string
}

export interface OpenUpload {
  readonly uploadId: string
  readonly description: string | null
  readonly partSizeBytes: number
  readonly createdAtMs: number
}

export interface StoredPart {
  readonly range: ByteRange
  /** Lower-case hex. */
  readonly treeHash: string
}

/**
 * The multipart operations of Amazon Glacier. Each call is one request: nothing retries
 * underneath. Failures are `AppError`s, classified by the service's error name, never by status
 * alone: GLACIER_UNAVAILABLE and GLACIER_TIMEOUT leave the outcome unknown. Every method rejects
 * with the signal's reason when aborted; then the outcome is unknown too.
 */
export interface Glacier {
  /** Opens an upload. Not idempotent: a lost answer leaves an orphan, found by its description. */
  readonly initiateUpload: (
    input: {
      readonly vault: string
      readonly partSizeBytes: number
      readonly description: string
    },
    signal: AbortSignal,
  ) => Promise<{ readonly uploadId: string }>
  /**
   * Stores one part; the same range again replaces it. Rejects with PART_CHECKSUM_MISMATCH when
   * Glacier refuses the bytes or answers with another tree hash. Settles only when nothing reads
   * the body any more, even when aborted: its memory may be used again at once.
   */
  readonly uploadPart: (input: UploadPartInput, signal: AbortSignal) => Promise<void>
  /**
   * Makes the archive. Repeating it soon after success returns the same archive. A GLACIER_REFUSED
   * leaves the upload open; GLACIER_UPLOAD_NOT_FOUND may mean that an archive was made long ago.
   * An answer without an archive id, or with another tree hash, is OUTCOME_UNKNOWN.
   */
  readonly completeUpload: (
    input: UploadRef & { readonly sizeBytes: number; readonly treeHash: string },
    signal: AbortSignal,
  ) => Promise<Archive>
  /** Frees the parts. GLACIER_UPLOAD_NOT_FOUND when it is gone, aborted or completed. */
  readonly abortUpload: (upload: UploadRef, signal: AbortSignal) => Promise<void>
  /** Every stored part, in ascending order, over all pages. */
  readonly listParts: (upload: UploadRef, signal: AbortSignal) => AsyncIterable<StoredPart>
  /** Every upload in progress in the vault, over all pages, in no particular order. */
  readonly listUploads: (vault: string, signal: AbortSignal) => AsyncIterable<OpenUpload>
}

export interface VaultDescription {
  readonly name: string
  readonly arn: string
  readonly createdAt: string
  readonly archiveCount: number
  readonly sizeBytes: number
}

/** Vault administration, for people rather than for jobs. Errors as in {@link Glacier}. */
export interface Vaults {
  /** Idempotent: creating a vault that exists changes nothing. */
  readonly createVault: (name: string, signal: AbortSignal) => Promise<void>
  /** Every vault of the account, over all pages, by name. */
  readonly listVaults: (signal: AbortSignal) => AsyncIterable<VaultDescription>
}

/** One row of a vault's inventory. */
export interface InventoryArchive {
  readonly archiveId: string
  readonly description: string | null
  readonly sizeBytes: number
  /** Lower-case hex. */
  readonly treeHash: string
  readonly createdAtMs: number
}

/** A vault's archives as they were at one instant. */
export interface Inventory {
  /** Of the vault, twelve digits; null when it does not say. */
  readonly account: string | null
  readonly takenAtMs: number
  readonly archives: readonly InventoryArchive[]
}

/** What Glacier says it holds, hours late: the last resort. Errors as in {@link Glacier}. */
export interface Inventories {
  /**
   * When the vault's latest inventory is from; null before the first. One request that costs
   * nothing: no newer inventory can be read while this stays the same.
   */
  readonly inventoryDateMs: (vault: string, signal: AbortSignal) => Promise<number | null>
  /**
   * Asks for the vault's latest inventory, narrowed to archives created from `sinceMs` on; it can
   * be read hours later. Returns Glacier's job id. GLACIER_REFUSED before the first inventory.
   */
  readonly askInventory: (
    input: { readonly vault: string; readonly sinceMs: number },
    signal: AbortSignal,
  ) => Promise<{ readonly inventoryJobId: string }>
  /**
   * The inventory that was asked for: `pending` until Glacier has prepared it, `gone` when its job
   * failed or has expired.
   */
  readonly readInventory: (
    input: { readonly vault: string; readonly inventoryJobId: string },
    signal: AbortSignal,
  ) => Promise<Inventory | 'pending' | 'gone'>
}

/** Where a client of Glacier was led to. */
export interface GlacierPlace {
  /** The region that requests are signed for, as the AWS SDK finds it; null when it finds none. */
  readonly region: () => Promise<string | null>
}
