import { z } from 'zod'
import { ArchiveHeader } from './archive-record.ts'

// The documents of the data directory. Strict: a member that this version does not know means
// that a later one wrote it, and reading on could lose what it meant.

export const FormatRecord = z.strictObject({
  format: z.literal(1),
  /** Signs archive ids: hex. */
  secret: z.string().regex(/^[0-9a-f]{64}$/),
})

export const notificationEvents = [
  'ArchiveRetrievalCompleted',
  'InventoryRetrievalCompleted',
] as const

export const VaultRecord = z.strictObject({
  name: z.string(),
  accountId: z.string(),
  createdAtMs: z.number().int(),
  tags: z.record(z.string(), z.string()),
  notifications: z
    .strictObject({
      snsTopic: z.string().nullable(),
      events: z.array(z.enum(notificationEvents)),
    })
    .nullable(),
  /** As the client wrote it: JSON in a string. */
  accessPolicy: z.string().nullable(),
  lock: z
    .strictObject({
      lockId: z.string(),
      policy: z.string(),
      createdAtMs: z.number().int(),
      /** Null once the lock is complete, which is for ever. */
      expiresAtMs: z.number().int().nullable(),
    })
    .nullable(),
  /** The latest deletion that is not remembered otherwise: an inventory's date depends on it. */
  forgottenChangeAtMs: z.number().int().nullable(),
})

export type VaultRecord = Readonly<z.infer<typeof VaultRecord>>

/** What belongs to an account rather than to a vault. */
export const AccountRecord = z.strictObject({
  retrievalPolicy: z.discriminatedUnion('strategy', [
    z.strictObject({ strategy: z.literal('None') }),
    z.strictObject({ strategy: z.literal('FreeTier') }),
    z.strictObject({ strategy: z.literal('BytesPerHour'), bytesPerHour: z.number().int().min(1) }),
  ]),
  capacity: z.array(
    z.strictObject({
      capacityId: z.string(),
      startAtMs: z.number().int(),
      expiresAtMs: z.number().int(),
    }),
  ),
})

export type AccountRecord = Readonly<z.infer<typeof AccountRecord>>

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

const jobFields = {
  jobId: z.string(),
  createdAtMs: z.number().int(),
  completesAtMs: z.number().int(),
  description: z.string().nullable(),
  snsTopic: z.string().nullable(),
}

export const ArchiveJobRecord = z.strictObject({
  ...jobFields,
  kind: z.literal('archive-retrieval'),
  tier: z.enum(['Expedited', 'Standard', 'Bulk']),
  archiveId: z.string(),
  archiveSizeBytes: z.number().int(),
  archiveTreeHash: z.string(),
  archiveDescription: z.string().nullable(),
  range: RangeRecord,
  /** Of the range; null when it is not aligned to the archive's tree hash. */
  rangeTreeHash: z.string().nullable(),
})

export type ArchiveJobRecord = Readonly<z.infer<typeof ArchiveJobRecord>>

/** An inventory is made when it is asked for, so that it is of one instant; it lies in a file. */
export const InventoryJobRecord = z.strictObject({
  ...jobFields,
  kind: z.literal('inventory-retrieval'),
  format: z.enum(['JSON', 'CSV']),
  startDate: z.string().nullable(),
  endDate: z.string().nullable(),
  limit: z.number().int().nullable(),
  /** Where the next page begins; null when this is the last. */
  nextMarker: z.string().nullable(),
  sizeBytes: z.number().int(),
})

export type InventoryJobRecord = Readonly<z.infer<typeof InventoryJobRecord>>

export const JobRecord = z.discriminatedUnion('kind', [ArchiveJobRecord, InventoryJobRecord])

export type JobRecord = ArchiveJobRecord | InventoryJobRecord
