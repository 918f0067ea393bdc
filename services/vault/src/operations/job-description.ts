import type { Clock } from '../clock.ts'
import type { Job, Vault } from '../storage/catalog.ts'
import { type JobStatus, jobStatus } from '../storage/lifetimes.ts'
import { formatInclusiveRange } from '../tree-hash-range.ts'
import { isoDate, type Names } from './resources.ts'

const messageByStatus: Readonly<Record<JobStatus, string | null>> = {
  InProgress: null,
  Succeeded: 'Succeeded',
  Failed: 'The archive was deleted before the job completed',
}

/** A job as DescribeJob and ListJobs show it. What does not apply is null. */
export function describeJob(
  { names, clock }: { readonly names: Names; readonly clock: Clock },
  vault: Vault,
  job: Job,
): object {
  const { record } = job
  const status = jobStatus(vault, job, clock.nowMs())
  const isDone = status !== 'InProgress'
  const isWhole = record.range.last - record.range.first + 1 === record.archiveSizeBytes
  return {
    Action: 'ArchiveRetrieval',
    ArchiveId: record.archiveId,
    ArchiveSHA256TreeHash: record.archiveTreeHash,
    ArchiveSizeInBytes: record.archiveSizeBytes,
    Completed: isDone,
    CompletionDate: isDone ? isoDate(record.completesAtMs) : null,
    CreationDate: isoDate(record.createdAtMs),
    InventoryRetrievalParameters: null,
    InventorySizeInBytes: null,
    JobDescription: record.description,
    JobId: record.jobId,
    JobOutputPath: null,
    OutputLocation: null,
    RetrievalByteRange: formatInclusiveRange(record.range),
    SelectParameters: null,
    // Of a whole archive, only once it is there.
    SHA256TreeHash: isWhole && !isDone ? null : record.rangeTreeHash,
    SNSTopic: record.snsTopic,
    StatusCode: status,
    StatusMessage: messageByStatus[status],
    Tier: record.tier,
    VaultARN: names.arn(vault.record.accountId, vault.record.name),
  }
}
