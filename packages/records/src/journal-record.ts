import { z } from 'zod'
import {
  archiveSchema,
  definitionSchema,
  jobErrorSchema,
  jobIdSchema,
  partPlanSchema,
  sourcePinSchema,
  sourceSchema,
  uploadSchema,
} from './job-record.ts'

const count = z.int().nonnegative()
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)
const generation = z.int().positive()

export { definitionSchema }

export const generationRecordSchema = z.object({ jobId: jobIdSchema, generation, atMs: count })

export const uploadRecordSchema = z.object({
  jobId: jobIdSchema,
  generation,
  upload: uploadSchema,
})

export const intentRecordSchema = z.object({
  jobId: jobIdSchema,
  generation,
  uploadId: z.string().min(1),
  sizeBytes: count,
  treeHash: sha256Hex,
  atMs: count,
})

export const receiptSchema = z.object({
  jobId: jobIdSchema,
  generation,
  vault: z.string(),
  region: z.string().nullable(),
  archive: archiveSchema,
  description: z.string(),
  labels: z.record(z.string(), z.string()),
  plan: partPlanSchema,
  partTreeHashes: z.array(sha256Hex),
  source: sourceSchema,
  pin: sourcePinSchema,
  sha256: sha256Hex.nullable(),
  createdAtMs: count,
  archivedAtMs: count,
})

export const endRecordSchema = z.object({
  jobId: jobIdSchema,
  generation,
  state: z.enum(['failed', 'cancelled']),
  error: jobErrorSchema.nullable(),
  atMs: count,
})
