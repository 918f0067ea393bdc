import { unreachable } from '@firn/core'
import type { Job, Vault } from '../storage/catalog.ts'
import { type JobStatus, jobStatus } from '../storage/lifetimes.ts'
import type { ArchiveJobRecord, InventoryJobRecord, JobRecord } from '../storage/records.ts'
import { formatInclusiveRange } from '../tree-hash-range.ts'
import type { OperationDependencies } from './dependencies.ts'
import { isoDate } from './resources.ts'

const messageByStatus: Readonly<Record<JobStatus, string | null>> = {
  InProgress: null,
  Succeeded: 'Succeeded',
  Failed: 'The archive was deleted before the job completed',
}

/** A job as DescribeJob and ListJobs show it. What does not apply is null. */
export function describeJob(
  { names, clock }: Pick<OperationDependencies, 'names' | 'clock'>,
  vault: Vault,
  job: Job,
): object {
  const { record } = job
  const status = jobStatus(vault, job, clock.nowMs())
  const isDone = status !== 'InProgress'
  return {
    Action: null,
    ArchiveId: null,
    ArchiveSHA256TreeHash: null,
    ArchiveSizeInBytes: null,
    Completed: isDone,
    CompletionDate: isDone ? isoDate(record.completesAtMs) : null,
    CreationDate: isoDate(record.createdAtMs),
    InventoryRetrievalParameters: null,
    InventorySizeInBytes: null,
    JobDescription: record.description,
    JobId: record.jobId,
    JobOutputPath: null,
    OutputLocation: null,
    RetrievalByteRange: null,
    SelectParameters: null,
    SHA256TreeHash: null,
    SNSTopic: record.snsTopic,
    StatusCode: status,
    StatusMessage: messageByStatus[status],
    Tier: null,
    VaultARN: names.arn(vault.record.accountId, vault.record.name),
    ...kindMembers(record, isDone),
  }
}

function kindMembers(record: JobRecord, isDone: boolean): object {
  switch (record.kind) {
    case 'archive-retrieval':
      return archiveMembers(record, isDone)
    case 'inventory-retrieval':
      return inventoryMembers(record, isDone)
    default:
      return unreachable(record)
  }
}

function archiveMembers(record: ArchiveJobRecord, isDone: boolean): object {
  const isWhole = record.range.last - record.range.first + 1 === record.archiveSizeBytes
  return {
    Action: 'ArchiveRetrieval',
    ArchiveId: record.archiveId,
    ArchiveSHA256TreeHash: record.archiveTreeHash,
    ArchiveSizeInBytes: record.archiveSizeBytes,
    RetrievalByteRange: formatInclusiveRange(record.range),
    // Of a whole archive, only once it is there.
    SHA256TreeHash: isWhole && !isDone ? null : record.rangeTreeHash,
    Tier: record.tier,
  }
}

function inventoryMembers(record: InventoryJobRecord, isDone: boolean): object {
  return {
    Action: 'InventoryRetrieval',
    InventorySizeInBytes: isDone ? record.sizeBytes : null,
    InventoryRetrievalParameters: {
      StartDate: record.startDate,
      EndDate: record.endDate,
      Format: record.format,
      Limit: record.limit === null ? null : String(record.limit),
      Marker: isDone ? record.nextMarker : null,
    },
  }
}
