import { jobStates } from '@firn/core'
import { z } from 'zod'

const Bytes = z.int().min(0)
const Count = z.int().min(0)
const Time = z.iso.datetime()
const TreeHash = z.string().regex(/^[0-9a-f]{64}$/)
const Cursor = z.string().nullable().meta({ description: 'Give it as `cursor` for the next page' })

export const JobId = z
  .uuid()
  .meta({ id: 'JobId', description: 'A UUID; made from the Idempotency-Key where there was one' })
export const JobState = z.enum(jobStates).meta({ id: 'JobState' })

const PartProgress = z.object({ total: Count.nullable(), uploaded: Count })
const ByteProgress = z.object({ total: Bytes.nullable(), uploaded: Bytes })
const BytesPerSecond = z.number().min(0).nullable()
const EtaSeconds = z.int().min(0).nullable()

const JobErrorView = z
  .object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean().meta({ description: 'Whether `retry` may help' }),
  })
  .meta({ id: 'JobError' })

/** A job as the API shows it. What is not known, or not yet, is null. */
export const JobView = z
  .object({
    id: JobId,
    state: JobState,
    vault: z.string(),
    source: z.object({ type: z.literal('file'), path: z.string() }),
    description: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    priority: z.int().min(0).meta({ description: 'As it is by now: 0 is most urgent' }),
    size: Bytes.nullable(),
    partSize: Bytes.nullable(),
    parts: PartProgress,
    bytes: ByteProgress,
    uploadId: z.string().nullable(),
    archiveId: z.string().nullable(),
    location: z.string().nullable(),
    sha256TreeHash: TreeHash.nullable(),
    error: JobErrorView.nullable(),
    createdAt: Time,
    updatedAt: Time,
    finishedAt: Time.nullable(),
    bytesPerSecond: BytesPerSecond,
    etaSeconds: EtaSeconds,
  })
  .meta({ id: 'Job' })
export type JobView = z.output<typeof JobView>

export const JobListView = z
  .object({ items: z.array(JobView), nextCursor: Cursor })
  .meta({ id: 'JobList' })
export type JobListView = z.output<typeof JobListView>

export const PartView = z
  .object({
    index: Count,
    start: Bytes,
    end: Bytes.meta({ description: 'Last byte, inclusive, as in Glacier' }),
    state: z.enum(['pending', 'uploading', 'uploaded']),
    sha256TreeHash: TreeHash.nullable(),
    attempts: Count.meta({
      description: 'Counted tries so far: one that was handed back or throttled is no other',
    }),
    worker: z.string().nullable(),
  })
  .meta({ id: 'Part' })
export type PartView = z.output<typeof PartView>

export const PartListView = z
  .object({ items: z.array(PartView), nextCursor: Cursor })
  .meta({ id: 'PartList' })
export type PartListView = z.output<typeof PartListView>

export const VaultView = z
  .object({
    name: z.string(),
    arn: z.string(),
    createdAt: z.string(),
    archiveCount: Count,
    size: Bytes.meta({ description: 'Bytes of all archives, as of the last inventory' }),
  })
  .meta({ id: 'Vault' })
export type VaultView = z.output<typeof VaultView>

export const VaultListView = z
  .object({ items: z.array(VaultView), nextCursor: Cursor })
  .meta({ id: 'VaultList' })
export type VaultListView = z.output<typeof VaultListView>

export const VaultCreatedView = z.object({ name: z.string() }).meta({ id: 'VaultCreated' })

/** An error, as RFC 9457 has it, with a code for programs and, for input, what is wrong where. */
export const ProblemView = z
  .object({
    type: z.string().meta({ description: 'urn:firn:problem: and the code in kebab case' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    code: z.string().regex(/^[A-Z][A-Z0-9_]*$/),
    requestId: z.string().optional().meta({ description: 'Stands in the log of the API, too' }),
    errors: z
      .array(
        z.object({
          path: z.string().meta({ description: 'JSON Pointer (RFC 6901) or a parameter name' }),
          message: z.string(),
        }),
      )
      .optional(),
    allowed: z.array(z.string()).optional().meta({ description: 'What can be asked of the job' }),
  })
  .meta({ id: 'Problem' })
export type ProblemView = z.output<typeof ProblemView>

/** Data of an SSE `state` event. */
export const StateEventView = z
  .object({
    jobId: JobId,
    state: JobState.meta({ description: 'The state the job entered' }),
    job: JobView.meta({ description: 'The job when the event was sent; it may be further on' }),
  })
  .meta({ id: 'StateEvent' })
export type StateEventView = z.output<typeof StateEventView>

/** Data of an SSE `progress` event. */
export const ProgressEventView = z
  .object({
    jobId: JobId,
    parts: PartProgress,
    bytes: ByteProgress,
    bytesPerSecond: BytesPerSecond,
    etaSeconds: EtaSeconds,
  })
  .meta({ id: 'ProgressEvent' })
export type ProgressEventView = z.output<typeof ProgressEventView>
