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

/** That a Complete is about to be sent. Sticky: it is never taken back for its upload id. */
export interface IntentRecord {
  readonly jobId: JobId
  readonly generation: number
  readonly uploadId: string
  readonly sizeBytes: number
  readonly treeHash: string
  readonly atMs: number
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

/** That a job ended without an archive, so that a rebuilt Redis does not start it again. */
export interface EndRecord {
  readonly jobId: JobId
  readonly generation: number
  readonly state: 'failed' | 'cancelled'
  /** Why it failed; null when it was cancelled. */
  readonly error: JobError | null
  readonly atMs: number
}

/** All that the journal holds of one job; generations in ascending order. */
export interface JournalEntry {
  readonly definition: JobDefinition
  readonly generations: readonly GenerationRecord[]
  readonly uploads: readonly UploadRecord[]
  readonly intents: readonly IntentRecord[]
  readonly receipt: Receipt | null
  /** What was noted of an end: a cancel, a failure or both, the cancel first. */
  readonly ends: readonly EndRecord[]
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
  readonly putIntent: (record: IntentRecord, signal: AbortSignal) => Promise<void>
  /** The first receipt put for a job stays; returns the one that is kept. */
  readonly putReceipt: (receipt: Receipt, signal: AbortSignal) => Promise<Receipt>
  /**
   * A cancel and a failure stand beside each other: neither overwrites nor takes back the other, so
   * that a failure which was under way when the job was cancelled leaves the cancel as it is.
   */
  readonly putEnd: (record: EndRecord, signal: AbortSignal) => Promise<void>
  /** A retry of a job that had failed, or an end that was noted and did not come to be. */
  readonly deleteEnd: (id: JobId, state: EndRecord['state'], signal: AbortSignal) => Promise<void>
  readonly load: (id: JobId, signal: AbortSignal) => Promise<JournalEntry | undefined>
  /** Every job that has a definition, in no particular order. */
  readonly jobIds: (signal: AbortSignal) => AsyncIterable<JobId>
  /** For readiness: rejects with `JOURNAL_UNAVAILABLE` unless a record could be written now. */
  readonly ping: (signal: AbortSignal) => Promise<void>
}

/** A journal and what it holds open, such as connections. */
export interface OpenJournal extends Journal, AsyncDisposable {}
