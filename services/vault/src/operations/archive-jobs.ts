import { GlacierError, invalidParameter, missingParameter, notFound } from '../glacier-error.ts'
import type { Answer, Call } from '../http/call.ts'
import { newJobId } from '../ids.ts'
import type { Archive, Vault } from '../storage/catalog.ts'
import type { ArchiveJobRecord } from '../storage/records.ts'
import {
  type InclusiveRange,
  isMegabyteAligned,
  isTreeHashAligned,
  parseInclusiveRange,
} from '../tree-hash-range.ts'
import type { OperationDependencies } from './dependencies.ts'
import { commonJobFields, type JobParameters, refuseParameters } from './job-parameters.ts'
import { outputHead, outputRange } from './output-range.ts'

type Dependencies = Pick<
  OperationDependencies,
  'store' | 'retrieval' | 'clock' | 'names' | 'jobDelayMs'
>

const HOUR_MS = 60 * 60_000

/** What a job that retrieves an archive, or a range of it, is to be. */
export async function archiveJob(
  parameters: JobParameters,
  vault: Vault,
  dependencies: Dependencies,
): Promise<ArchiveJobRecord> {
  const { clock, jobDelayMs } = dependencies
  refuseParameters(parameters, ['Format', 'InventoryRetrievalParameters'])
  const archive = requiredArchive(parameters.ArchiveId, vault)
  const { sizeBytes } = archive.header
  const range = retrievalRange(parameters.RetrievalByteRange, sizeBytes)
  const tier = parseTier(parameters.Tier)
  const nowMs = clock.nowMs()
  if (tier === 'Standard') await enforcePolicy(range, { vault, nowMs, dependencies })
  return {
    ...commonJobFields(parameters, { jobId: newJobId(), nowMs, jobDelayMs }),
    kind: 'archive-retrieval',
    tier,
    archiveId: archive.header.archiveId,
    archiveSizeBytes: sizeBytes,
    archiveTreeHash: archive.header.treeHash,
    archiveDescription: archive.header.description,
    range,
    rangeTreeHash: await alignedTreeHash(range, { vault, archive, dependencies }),
  }
}

function requiredArchive(archiveId: string | null | undefined, vault: Vault): Archive {
  if (!archiveId) throw missingParameter('ArchiveId')
  const archive = vault.archives.get(archiveId)
  if (archive?.deletedAtMs === null) return archive
  throw notFound(`The archive ID was not found: ${archiveId}`)
}

function parseTier(text: string | null | undefined): ArchiveJobRecord['tier'] {
  switch (text ?? 'Standard') {
    case 'Standard':
      return 'Standard'
    case 'Expedited':
      return 'Expedited'
    case 'Bulk':
      return 'Bulk'
    default:
      throw invalidParameter(`Invalid tier: ${text}`)
  }
}

function retrievalRange(text: string | null | undefined, sizeBytes: number): InclusiveRange {
  if (!text) return { first: 0, last: sizeBytes - 1 }
  const range = parseInclusiveRange(text)
  if (range === undefined || range.last >= sizeBytes || !isMegabyteAligned(range, sizeBytes)) {
    throw invalidParameter(`Invalid RetrievalByteRange: ${text}`)
  }
  return range
}

/** The account's data-retrieval policy limits what Standard jobs of one hour may retrieve. */
async function enforcePolicy(
  range: InclusiveRange,
  input: { readonly vault: Vault; readonly nowMs: number; readonly dependencies: Dependencies },
): Promise<void> {
  const { store } = input.dependencies
  const { accountId } = input.vault.record
  const { retrievalPolicy } = await store.accounts.read(accountId)
  if (retrievalPolicy.strategy !== 'BytesPerHour') return
  let bytes = range.last - range.first + 1
  for (const vault of store.catalog.list(accountId)) {
    for (const { record } of vault.jobs.values()) {
      if (record.kind !== 'archive-retrieval' || record.tier !== 'Standard') continue
      if (record.createdAtMs <= input.nowMs - HOUR_MS) continue
      bytes += record.range.last - record.range.first + 1
    }
  }
  if (bytes <= retrievalPolicy.bytesPerHour) return
  throw new GlacierError(
    'PolicyEnforcedException',
    'InitiateJob request denied by current data retrieval policy.',
  )
}

async function alignedTreeHash(
  range: InclusiveRange,
  input: {
    readonly vault: Vault
    readonly archive: Archive
    readonly dependencies: Dependencies
  },
): Promise<string | null> {
  const { vault, archive, dependencies } = input
  if (!isTreeHashAligned(range, archive.header.sizeBytes)) return null
  return dependencies.retrieval.rangeTreeHash(vault, archive, range)
}

export async function archiveOutput(
  call: Call,
  input: {
    readonly vault: Vault
    readonly archive: Archive
    readonly record: ArchiveJobRecord
    readonly dependencies: Dependencies
  },
): Promise<Answer> {
  const { vault, archive, record, dependencies } = input
  const header = call.header('range')
  const sizeBytes = record.range.last - record.range.first + 1
  const wanted = outputRange(header, sizeBytes)
  // Alignment is a matter of the archive, whatever part of it the job retrieved.
  const range = {
    first: record.range.first + wanted.first,
    last: record.range.first + wanted.last,
  }
  const treeHash =
    record.rangeTreeHash === null
      ? null
      : await alignedTreeHash(range, { vault, archive, dependencies })
  const head = outputHead({
    header,
    range: wanted,
    sizeBytes,
    contentType: 'application/octet-stream',
  })
  return {
    status: head.status,
    headers: {
      ...head.headers,
      ...(treeHash !== null && { 'x-amz-sha256-tree-hash': treeHash }),
      ...(record.archiveDescription !== null && {
        'x-amz-archive-description': record.archiveDescription,
      }),
    },
    output: await dependencies.retrieval.openRange(vault, archive, range),
  }
}
