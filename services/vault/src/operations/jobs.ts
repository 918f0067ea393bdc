import { z } from 'zod'
import type { Clock } from '../clock.ts'
import { invalidParameter, missingParameter, notFound } from '../glacier-error.ts'
import type { Answer, Call, Handler } from '../http/call.ts'
import { newJobId } from '../ids.ts'
import type { Retrieval } from '../retrieval.ts'
import type { Archive, Job, Vault } from '../storage/catalog.ts'
import { isForgotten, jobStatus } from '../storage/lifetimes.ts'
import type { VaultStore } from '../storage/vault-store.ts'
import {
  type InclusiveRange,
  isMegabyteAligned,
  isTreeHashAligned,
  parseInclusiveRange,
} from '../tree-hash-range.ts'
import { describeJob } from './job-description.ts'
import { parseJsonBody } from './json-body.ts'
import { takePage } from './page.ts'
import { checkedDescription, type Names, requiredVault, vaultNotFound } from './resources.ts'

interface Dependencies {
  readonly store: VaultStore
  readonly retrieval: Retrieval
  readonly names: Names
  readonly clock: Clock
  readonly pageMax: number
  readonly jobDelayMs: number
}

export function jobOperations(dependencies: Dependencies) {
  const { store, names } = dependencies
  return {
    InitiateJob: (call) => initiateJob(call, dependencies),

    DescribeJob: async (call) => {
      const vault = requiredVault(store, names, call)
      const job = requiredJob(vault, call, dependencies)
      return { status: 200, json: describeJob(dependencies, vault, job) }
    },

    ListJobs: async (call) => listJobs(call, dependencies),
    GetJobOutput: (call) => getJobOutput(call, dependencies),
  } satisfies Record<string, Handler>
}

function requiredJob(vault: Vault, call: Call, { clock }: Dependencies): Job {
  const job = vault.jobs.get(call.id)
  if (job !== undefined && !isForgotten(job, clock.nowMs())) return job
  throw notFound(`The job ID was not found: ${call.id}`)
}

const JobParameters = z.looseObject({
  Type: z.string().nullish(),
  ArchiveId: z.string().nullish(),
  Description: z.string().nullish(),
  SNSTopic: z.string().nullish(),
  Tier: z.string().nullish(),
  RetrievalByteRange: z.string().nullish(),
  Format: z.string().nullish(),
})

async function initiateJob(call: Call, dependencies: Dependencies): Promise<Answer> {
  const { store, names, clock, jobDelayMs } = dependencies
  const vault = requiredVault(store, names, call)
  const parameters = parseJsonBody(call, JobParameters)
  if (!parameters.Type) throw missingParameter('Type')
  if (parameters.Type !== 'archive-retrieval') {
    throw invalidParameter(`Invalid job type: ${parameters.Type}`)
  }
  const archive = requiredArchive(parameters.ArchiveId, { vault, dependencies, call })
  const { sizeBytes } = archive.header
  const range = retrievalRange(parameters.RetrievalByteRange, sizeBytes)
  const nowMs = clock.nowMs()
  const record = {
    jobId: newJobId(),
    kind: 'archive-retrieval' as const,
    createdAtMs: nowMs,
    completesAtMs: nowMs + jobDelayMs,
    description: checkedDescription('Description', parameters.Description ?? ''),
    snsTopic: parameters.SNSTopic ?? null,
    tier: parseTier(parameters.Tier),
    archiveId: archive.header.archiveId,
    archiveSizeBytes: sizeBytes,
    archiveTreeHash: archive.header.treeHash,
    archiveDescription: archive.header.description,
    range,
    rangeTreeHash: await alignedTreeHash(range, { vault, archive, dependencies }),
  }
  if (!(await store.createJob(vault, record))) throw vaultNotFound(names, call)
  return {
    status: 202,
    headers: {
      location: names.location(call, 'jobs', record.jobId),
      'x-amz-job-id': record.jobId,
    },
  }
}

function requiredArchive(
  archiveId: string | null | undefined,
  input: { readonly vault: Vault; readonly dependencies: Dependencies; readonly call: Call },
): Archive {
  if (!archiveId) throw missingParameter('ArchiveId')
  const archive = input.vault.archives.get(archiveId)
  if (archive?.deletedAtMs === null) return archive
  throw notFound(`The archive ID was not found: ${archiveId}`)
}

function parseTier(text: string | null | undefined): 'Expedited' | 'Standard' | 'Bulk' {
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

function listJobs(call: Call, dependencies: Dependencies): Answer {
  const { store, names, clock, pageMax } = dependencies
  const vault = requiredVault(store, names, call)
  const nowMs = clock.nowMs()
  const isWanted = jobFilter(call, (job) => jobStatus(vault, job, nowMs))
  const jobs = [...vault.jobs.values()]
    .filter((job) => !isForgotten(job, nowMs) && isWanted(job))
    .map((job) => {
      const { createdAtMs, jobId } = job.record
      return { position: `${String(createdAtMs).padStart(15, '0')} ${jobId}`, item: job }
    })
    .sort((a, b) => (a.position < b.position ? -1 : 1))
  const { items, marker } = takePage(call, jobs, pageMax)
  return {
    status: 200,
    json: { JobList: items.map((job) => describeJob(dependencies, vault, job)), Marker: marker },
  }
}

function jobFilter(call: Call, statusOf: (job: Job) => string): (job: Job) => boolean {
  const status = call.query.get('statuscode') ?? ''
  const completed = call.query.get('completed') ?? ''
  if (!['', 'InProgress', 'Succeeded', 'Failed'].includes(status)) {
    throw invalidParameter(`The job status code is not valid: ${status}`)
  }
  if (!['', 'true', 'false'].includes(completed)) {
    throw invalidParameter(`The completed value is not valid: ${completed}`)
  }
  return (job) => {
    const actual = statusOf(job)
    if (status !== '' && status !== actual) return false
    return completed === '' || (completed === 'true') === (actual !== 'InProgress')
  }
}

async function getJobOutput(call: Call, dependencies: Dependencies): Promise<Answer> {
  const { store, names, clock, retrieval } = dependencies
  const vault = requiredVault(store, names, call)
  const job = requiredJob(vault, call, dependencies)
  const { record } = job
  const archive = vault.archives.get(record.archiveId)
  if (jobStatus(vault, job, clock.nowMs()) !== 'Succeeded' || archive === undefined) {
    throw invalidParameter(`The job is not currently available for download: ${call.id}`)
  }
  const outputSizeBytes = record.range.last - record.range.first + 1
  const wanted = outputRange(call.header('range'), outputSizeBytes)
  // Alignment is a matter of the archive, whatever part of it the job retrieved.
  const range = {
    first: record.range.first + wanted.first,
    last: record.range.first + wanted.last,
  }
  const treeHash =
    record.rangeTreeHash === null
      ? null
      : await alignedTreeHash(range, { vault, archive, dependencies })
  const output = await retrieval.openRange(vault, archive, range)
  const isPartial = call.header('range') !== undefined
  return {
    status: isPartial ? 206 : 200,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': String(range.last - range.first + 1),
      'accept-ranges': 'bytes',
      ...(isPartial && {
        'content-range': `bytes ${wanted.first}-${wanted.last}/${outputSizeBytes}`,
      }),
      ...(treeHash !== null && { 'x-amz-sha256-tree-hash': treeHash }),
      ...(record.archiveDescription !== null && {
        'x-amz-archive-description': record.archiveDescription,
      }),
    },
    output,
  }
}

/** `Range: bytes=<first>-<last>` of the job's output; an end past the last byte means the last. */
function outputRange(header: string | undefined, sizeBytes: number): InclusiveRange {
  if (header === undefined) return { first: 0, last: sizeBytes - 1 }
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header.trim())
  const first = Number(match?.[1])
  const last = match?.[2] ? Math.min(Number(match[2]), sizeBytes - 1) : sizeBytes - 1
  if (match === null || first > last) throw invalidParameter(`Invalid Range: ${header}`)
  return { first, last }
}
