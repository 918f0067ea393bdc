import type {
  Archive,
  JobDefinition,
  JobError,
  JobId,
  PartPlan,
  Source,
  SourcePin,
  Upload,
} from '@firn/core'

/**
 * That a job has given up an upload and starts over. Noted before another Initiate, whose upload
 * would otherwise be nobody's.
 */
export interface GenerationRecord {
  readonly jobId: JobId
  /** 2 or more: the first needs no record. */
  readonly generation: number
  readonly atMs: number
}

/** A generation's multipart upload, noted before its first part. */
export interface UploadRecord {
  readonly jobId: JobId
  readonly generation: number
  readonly upload: Upload
}

/**
 * That a Complete is about to be sent. Sticky: it is never taken back for its upload id. A generation
 * has either this or a {@link CancelRecord}, whichever was put first.
 */
export interface IntentRecord {
  readonly jobId: JobId
  readonly generation: number
  readonly uploadId: string
  readonly sizeBytes: number
  readonly treeHash: string
  readonly atMs: number
}

/** That a generation was cancelled before any Complete was intended, and never will be completed. */
export interface CancelRecord {
  readonly jobId: JobId
  readonly generation: number
  readonly cancelledAtMs: number
}

/**
 * Everything needed to find and verify an archive years later, without Firn; docs/receipts.md is
 * its description for those who have nothing else. Hashes are lower-case hex, of trees unless told
 * otherwise.
 */
export interface Receipt {
  /** 1 for receipts that do not say. */
  readonly formatVersion: number
  readonly jobId: JobId
  readonly generation: number
  readonly vault: string
  /** Null when none was configured. */
  readonly region: string | null
  /** Twelve digits; null when Glacier did not say. */
  readonly account: string | null
  readonly archive: Archive
  readonly description: string
  readonly labels: Readonly<Record<string, string>>
  readonly plan: PartPlan
  /** In the order of the parts; none when they were lost with Redis before the receipt was made. */
  readonly partTreeHashes: readonly string[]
  readonly source: Source
  readonly pin: SourcePin
  /** The linear hash, if the client said what it must be; it was compared with the source. */
  readonly sha256: string | null
  readonly createdAtMs: number
  readonly archivedAtMs: number
}

/** That a job failed, so that a rebuilt Redis does not start it again; until it is retried. */
export interface FailureRecord {
  readonly jobId: JobId
  readonly generation: number
  readonly error: JobError
  readonly atMs: number
}

/** All that the journal holds of one job; generations in ascending order. */
export interface JournalEntry {
  readonly definition: JobDefinition
  readonly generations: readonly GenerationRecord[]
  readonly uploads: readonly UploadRecord[]
  readonly intents: readonly IntentRecord[]
  readonly cancels: readonly CancelRecord[]
  readonly receipt: Receipt | null
  readonly failure: FailureRecord | null
}

/**
 * What must survive the loss of Redis. A put resolves once the record is on stable storage, is
 * idempotent, and rejects with `JOURNAL_UNAVAILABLE` when that cannot be promised. Every method
 * rejects with the signal's reason when aborted.
 */
export interface Journal {
  /**
   * The first definition put for an id stays; returns the one that is kept: the very object that
   * was given when it is that one.
   */
  readonly putDefinition: (definition: JobDefinition, signal: AbortSignal) => Promise<JobDefinition>
  readonly putGeneration: (record: GenerationRecord, signal: AbortSignal) => Promise<void>
  /** The first upload put for a generation stays; returns the one that is kept. */
  readonly putUpload: (record: UploadRecord, signal: AbortSignal) => Promise<UploadRecord>
  /**
   * False when the generation was cancelled, which stands. An intent replaces an earlier one, which
   * had another tree hash.
   */
  readonly putIntent: (record: IntentRecord, signal: AbortSignal) => Promise<boolean>
  /** False when a Complete was intended for the generation, which stands. */
  readonly putCancel: (record: CancelRecord, signal: AbortSignal) => Promise<boolean>
  /** The first receipt put for a job stays; returns the one that is kept. */
  readonly putReceipt: (receipt: Receipt, signal: AbortSignal) => Promise<Receipt>
  readonly putFailure: (record: FailureRecord, signal: AbortSignal) => Promise<void>
  /** A retry of a job that had failed, or a failure that was noted and did not come to be. */
  readonly deleteFailure: (id: JobId, signal: AbortSignal) => Promise<void>
  readonly load: (id: JobId, signal: AbortSignal) => Promise<JournalEntry | undefined>
  /** Every job that has a definition, in no particular order. */
  readonly jobIds: (signal: AbortSignal) => AsyncIterable<JobId>
  /** For readiness: rejects with `JOURNAL_UNAVAILABLE` unless a record could be written now. */
  readonly ping: (signal: AbortSignal) => Promise<void>
}

/** Which of the two a generation has. */
export function isCancel(record: IntentRecord | CancelRecord): record is CancelRecord {
  return 'cancelledAtMs' in record
}

export function isIntent(record: IntentRecord | CancelRecord): record is IntentRecord {
  return !isCancel(record)
}

/** Whether both speak of the same Complete. */
export function isSameIntent(one: IntentRecord, other: IntentRecord): boolean {
  const { uploadId, sizeBytes, treeHash } = other
  return one.uploadId === uploadId && one.sizeBytes === sizeBytes && one.treeHash === treeHash
}

/** A journal and what it holds open, such as connections. */
export interface OpenJournal extends Journal, AsyncDisposable {}
