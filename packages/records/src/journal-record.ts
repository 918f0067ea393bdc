import { accountOf } from '@firn/core'
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

export const cancelRecordSchema = z.object({
  jobId: jobIdSchema,
  generation,
  cancelledAtMs: count,
})

const storedReceipt = z.object({
  formatVersion: z.int().positive().default(1),
  jobId: jobIdSchema,
  generation,
  vault: z.string(),
  region: z.string().nullable(),
  account: z
    .string()
    .regex(/^[0-9]{12}$/)
    .nullable()
    .default(null),
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

/** What a receipt of format 1 does not say is read off its location, where that tells. */
export const receiptSchema = storedReceipt.transform((receipt) => ({
  ...receipt,
  account: receipt.account ?? accountOf(receipt.archive),
}))

export const failureRecordSchema = z.object({
  jobId: jobIdSchema,
  generation,
  error: jobErrorSchema,
  atMs: count,
})
