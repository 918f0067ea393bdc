import { z } from 'zod'
import { ArchiveHeader } from './archive-record.ts'

// The documents of the data directory. Strict: a member that this version does not know means
// that a later one wrote it, and reading on could lose what it meant.

export const FormatRecord = z.strictObject({
  format: z.literal(1),
  /** Signs archive ids: hex. */
  secret: z.string().regex(/^[0-9a-f]{64}$/),
})

export const VaultRecord = z.strictObject({
  name: z.string(),
  accountId: z.string(),
  createdAtMs: z.number().int(),
})

export type VaultRecord = Readonly<z.infer<typeof VaultRecord>>

export const UploadRecord = z.strictObject({
  uploadId: z.string(),
  description: z.string().nullable(),
  partSizeBytes: z.number().int(),
  createdAtMs: z.number().int(),
})

export type UploadRecord = Readonly<z.infer<typeof UploadRecord>>

/** What is remembered of an upload or an archive that is gone. */
export const ClosedRecord = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('aborted'),
    uploadId: z.string(),
    closedAtMs: z.number().int(),
  }),
  z.strictObject({
    kind: z.literal('deleted'),
    header: ArchiveHeader,
    closedAtMs: z.number().int(),
  }),
])

export type ClosedRecord = Readonly<z.infer<typeof ClosedRecord>>

/** Bytes of an archive, both ends included, as Glacier writes ranges. */
export const RangeRecord = z.strictObject({ first: z.number().int(), last: z.number().int() })

export const JobRecord = z.strictObject({
  jobId: z.string(),
  kind: z.literal('archive-retrieval'),
  createdAtMs: z.number().int(),
  completesAtMs: z.number().int(),
  description: z.string().nullable(),
  snsTopic: z.string().nullable(),
  tier: z.enum(['Expedited', 'Standard', 'Bulk']),
  archiveId: z.string(),
  archiveSizeBytes: z.number().int(),
  archiveTreeHash: z.string(),
  archiveDescription: z.string().nullable(),
  range: RangeRecord,
  /** Of the range; null when it is not aligned to the archive's tree hash. */
  rangeTreeHash: z.string().nullable(),
})

export type JobRecord = Readonly<z.infer<typeof JobRecord>>
