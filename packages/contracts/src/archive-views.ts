import { z } from 'zod'
import { JobId } from './views.ts'

const Bytes = z.int().min(0)
const Time = z.iso.datetime()
const TreeHash = z.string().regex(/^[0-9a-f]{64}$/)
const Cursor = z.string().nullable().meta({ description: 'Give it as `cursor` for the next page' })

/** An archive, as its receipt has it. */
export const ArchiveView = z
  .object({
    archiveId: z.string(),
    jobId: JobId,
    vault: z.string(),
    region: z.string().nullable(),
    account: z.string().nullable().meta({ description: 'Of AWS, twelve digits' }),
    location: z.string(),
    sha256TreeHash: TreeHash,
    sha256: TreeHash.nullable().meta({ description: 'When the client said what it must be' }),
    size: Bytes,
    partSize: Bytes,
    description: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    source: z.object({ type: z.literal('file'), path: z.string() }),
    createdAt: Time,
    archivedAt: Time,
  })
  .meta({ id: 'Archive' })
export type ArchiveView = z.output<typeof ArchiveView>

/** The whole receipt of one archive. */
export const ReceiptView = ArchiveView.extend({
  generation: z.int().min(1).meta({ description: "Of the job's uploads, the one that became it" }),
  sourceVersion: z
    .object({
      size: Bytes,
      device: z.string(),
      inode: z.string(),
      mtimeNs: z.string(),
      ctimeNs: z.string(),
    })
    .meta({ description: 'What the source was when it was archived' }),
  partTreeHashes: z.array(TreeHash).meta({ description: 'In the order of the parts' }),
}).meta({ id: 'Receipt' })
export type ReceiptView = z.output<typeof ReceiptView>

export const ArchiveListView = z
  .object({ items: z.array(ArchiveView), nextCursor: Cursor })
  .meta({ id: 'ArchiveList' })

/** A multipart upload in progress. */
export const UploadView = z
  .object({
    uploadId: z.string(),
    jobId: JobId.nullable().meta({ description: 'The job that made it; null: not of this Firn' }),
    orphan: z
      .boolean()
      .meta({ description: 'Made by a job that does not own it any more, or never knew of it' }),
    description: z.string().nullable(),
    partSize: Bytes,
    createdAt: Time,
  })
  .meta({ id: 'Upload' })
export type UploadView = z.output<typeof UploadView>

export const UploadListView = z
  .object({ items: z.array(UploadView), nextCursor: Cursor })
  .meta({ id: 'UploadList' })

export const UploadAbortedView = z
  .object({ vault: z.string(), uploadId: z.string() })
  .meta({ id: 'UploadAborted' })
