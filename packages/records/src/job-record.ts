import {
  dispositionByCode,
  type ErrorCode,
  type Job,
  type JobDefinition,
  type JobError,
  type JobId,
  parseJobId,
  type Upload,
} from '@firn/core'
import { z } from 'zod'

const count = z.int().nonnegative()
const decimal = z.string().regex(/^[0-9]+$/)
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)
const generation = z.int().positive()
const uploadFate = z.enum(['kept', 'abort', 'gone'])

export const jobIdSchema: z.ZodType<JobId, string> = z
  .string()
  .transform((text, context): JobId => {
    const id = parseJobId(text)
    if (id !== undefined) return id
    context.addIssue({ code: 'custom', message: 'not a job id' })
    return z.NEVER
  })

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(dispositionByCode, text)
}

/** A code that only another version of Firn knows must not make a job unreadable. */
const errorCode = z.string().transform((text) => (isErrorCode(text) ? text : 'INTERNAL'))

export const sourceSchema = z.object({ type: z.literal('file'), path: z.string() })

export const sourcePinSchema = z.object({
  sizeBytes: count,
  device: decimal,
  inode: decimal,
  mtimeNs: z.string().regex(/^-?[0-9]+$/),
  ctimeNs: z.string().regex(/^-?[0-9]+$/),
})

export const partPlanSchema = z.object({ sizeBytes: count, partSizeBytes: count, partCount: count })

export const archiveSchema = z.object({
  archiveId: z.string().min(1),
  location: z.string(),
  treeHash: sha256Hex,
})

export const definitionSchema: z.ZodType<JobDefinition> = z.object({
  id: jobIdSchema,
  vault: z.string(),
  source: sourceSchema,
  description: z.string(),
  partSizeBytes: count.nullable(),
  priority: count,
  expected: z.object({
    sizeBytes: count.nullable(),
    sha256: sha256Hex.nullable(),
    sha256TreeHash: sha256Hex.nullable(),
  }),
  labels: z.record(z.string(), z.string()),
  createdAtMs: count,
})

export const uploadSchema: z.ZodType<Upload> = z.object({
  uploadId: z.string().min(1),
  plan: partPlanSchema,
  pin: sourcePinSchema,
  expectedTreeHash: sha256Hex.nullable(),
  openedAtMs: count,
})

export const jobErrorSchema = z.object({
  code: errorCode,
  message: z.string(),
  isRetryable: z.boolean(),
})

const progress = z.discriminatedUnion('state', [
  z.object({ state: z.literal('queued'), generation, isOpening: z.boolean() }),
  z.object({ state: z.literal('uploading'), generation, upload: uploadSchema }),
  z.object({
    state: z.literal('finalizing'),
    generation,
    upload: uploadSchema,
    treeHash: sha256Hex,
  }),
  z.object({
    state: z.literal('reconciling'),
    generation,
    upload: uploadSchema,
    treeHash: sha256Hex,
    doubtSinceMs: count,
    inventoryJobId: z.string().nullable(),
    // A process of an earlier version, beside this one in a rollout, does not write it.
    inventoryDateMs: count.nullable().default(null),
  }),
  z.object({
    state: z.literal('paused'),
    generation,
    isOpening: z.boolean(),
    upload: uploadSchema.nullable(),
  }),
  z.object({
    state: z.literal('archived'),
    generation,
    upload: uploadSchema,
    archive: archiveSchema,
  }),
  z.object({
    state: z.literal('failed'),
    generation,
    upload: uploadSchema.nullable(),
    fate: uploadFate,
    error: jobErrorSchema,
  }),
  z.object({
    state: z.literal('cancelled'),
    generation,
    upload: uploadSchema.nullable(),
    fate: uploadFate,
  }),
])

const jobSchema: z.ZodType<Job> = z
  .object({
    definition: definitionSchema,
    priority: count.optional(),
    progress,
    updatedAtMs: count,
    finishedAtMs: count.nullable(),
  })
  // Records written before jobs had a priority of their own.
  .transform((job) => ({ ...job, priority: job.priority ?? job.definition.priority }))

/** Why a run failed, as a store keeps it. Throws when the text is none. */
export function parseJobErrorRecord(text: string): JobError {
  return jobErrorSchema.parse(JSON.parse(text))
}

/** A job as a store keeps it. Throws when the text is not one; stored text has one writer, us. */
export function parseJobRecord(text: string): Job {
  return jobSchema.parse(JSON.parse(text))
}
