import type { ErrorCode } from './errors.ts'
import type { JobId } from './ids.ts'
import type { PartPlan } from './part-plan.ts'

/** Where the bytes of an archive come from. */
export type Source = { readonly type: 'file'; readonly path: string }

/**
 * The one version of a source that a job archives. Any difference later means the source changed;
 * times are nanoseconds as decimal text, since they do not fit a double.
 */
export interface SourcePin {
  readonly sizeBytes: number
  readonly device: string
  readonly inode: string
  readonly mtimeNs: string
  readonly ctimeNs: string
}

/** What the client says the archive must be; a difference fails the job. Hashes are lower-case hex. */
export interface Expected {
  readonly sizeBytes: number | null
  readonly sha256: string | null
  readonly sha256TreeHash: string | null
}

/** What was asked for. Written once, never changed. */
export interface JobDefinition {
  readonly id: JobId
  readonly vault: string
  readonly source: Source
  /** Printable ASCII, at most 960 bytes; '' when none was given. */
  readonly description: string
  /** As asked for; null lets Firn choose. */
  readonly partSizeBytes: number | null
  /** 0 (most urgent) to 7, as in RFC 9218; what holds by now is the job's own. */
  readonly priority: number
  readonly expected: Expected
  readonly labels: Readonly<Record<string, string>>
  readonly createdAtMs: number
}

/** A multipart upload that Glacier has opened for a job. */
export interface Upload {
  readonly uploadId: string
  readonly plan: PartPlan
  readonly pin: SourcePin
  /** The tree hash the archive must have, when it is known before the parts are: hex, or null. */
  readonly expectedTreeHash: string | null
  /** When Glacier opened it. */
  readonly openedAtMs: number
}

/** What Glacier made of the parts. */
export interface Archive {
  readonly archiveId: string
  /** Path as Glacier returns it: `/<account>/vaults/<vault>/archives/<archiveId>`. */
  readonly location: string
  readonly treeHash: string
}

export interface JobError {
  readonly code: ErrorCode
  readonly message: string
  /** Whether `retry` may help; then the upload and its parts are kept. */
  readonly isRetryable: boolean
}

/**
 * What becomes of the multipart upload of a job that ended without an archive: `kept` for a
 * retry, `abort` still due, `gone` when none is left. `abort` with no upload known means one may
 * exist all the same (an Initiate whose answer never came) and is found by its marker.
 */
export type UploadFate = 'kept' | 'abort' | 'gone'

/**
 * How far a job is: exactly one state, with only the fields that exist in it. `generation` counts
 * uploads, from 1: a new one starts only after proof that the one before can become no archive.
 * `isOpening` is true once Initiate may have been sent and its answer is not known.
 */
export type Progress =
  | { readonly state: 'queued'; readonly generation: number; readonly isOpening: boolean }
  | { readonly state: 'uploading'; readonly generation: number; readonly upload: Upload }
  | {
      readonly state: 'finalizing'
      readonly generation: number
      readonly upload: Upload
      readonly treeHash: string
    }
  | {
      readonly state: 'reconciling'
      readonly generation: number
      readonly upload: Upload
      readonly treeHash: string
      /** When Glacier first said that it does not know the upload. */
      readonly doubtSinceMs: number
      /** The inventory that was asked for to find out, as Glacier's job id; null before. */
      readonly inventoryJobId: string | null
      /** When the vault's inventory was from that was asked for last; null before. */
      readonly inventoryDateMs: number | null
    }
  | {
      readonly state: 'paused'
      readonly generation: number
      readonly isOpening: boolean
      readonly upload: Upload | null
    }
  | {
      readonly state: 'archived'
      readonly generation: number
      readonly upload: Upload
      readonly archive: Archive
    }
  | {
      readonly state: 'failed'
      readonly generation: number
      readonly upload: Upload | null
      readonly fate: UploadFate
      readonly error: JobError
    }
  | {
      readonly state: 'cancelled'
      readonly generation: number
      readonly upload: Upload | null
      readonly fate: UploadFate
    }

export type JobState = Progress['state']

export const jobStates = [
  'queued',
  'uploading',
  'finalizing',
  'reconciling',
  'paused',
  'archived',
  'failed',
  'cancelled',
] as const satisfies readonly JobState[]

/** A state that a job never leaves, or leaves only when somebody asks for a retry. */
export function isFinished(state: JobState): boolean {
  return state === 'archived' || state === 'failed' || state === 'cancelled'
}

/** One archive job: what was asked for and how far it is. */
export interface Job {
  readonly definition: JobDefinition
  /** As the definition's until an operator sets another; only Redis knows of that. */
  readonly priority: number
  readonly progress: Progress
  readonly updatedAtMs: number
  readonly finishedAtMs: number | null
}

/** The upload a job has or had, or null before the first. */
export function uploadOf(progress: Progress): Upload | null {
  return progress.state === 'queued' ? null : progress.upload
}
