import { type ArchiveView, PageQuery, type ReceiptView } from '@firn/contracts'
import { AppError, type JobId } from '@firn/core'
import type { Journal, Receipt } from '@firn/journal'
import type { JobStore } from '@firn/store'
import type { Call, Handler } from './call.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { readQuery } from './read-input.ts'
import { RequestError } from './request-error.ts'

/** In a bucket each load takes two round trips, and a page may have 200. */
const LOADS_AT_ONCE = 8

export interface ArchiveHandlerDeps {
  readonly store: Pick<JobStore, 'list' | 'findArchive' | 'hasMark'>
  readonly journal: Pick<Journal, 'load'>
}

/** The calls about archives: what the journal's receipts say of them. */
export function archiveHandlers(deps: ArchiveHandlerDeps) {
  return {
    listArchives: (call) => listArchives(deps, call),
    async getArchive({ params, signal }) {
      const archiveId = params.archiveId ?? ''
      const jobId = await deps.store.findArchive(archiveId, signal)
      if (jobId !== undefined) return { body: toReceiptView(await load(deps, jobId, signal)) }
      if (await deps.store.hasMark(signal)) {
        const shown = JSON.stringify(archiveId.slice(0, 150))
        throw new RequestError('ARCHIVE_NOT_FOUND', `No job of this Firn made archive ${shown}`)
      }
      throw new AppError('STORE_UNAVAILABLE', 'The archive may be missing: Redis is being rebuilt')
    },
  } as const satisfies Record<string, Handler>
}

async function listArchives(deps: ArchiveHandlerDeps, { req, signal }: Call) {
  const query = readQuery(PageQuery, req.url)
  const cursor = decodeCursor('archives', query.cursor)
  const page = await deps.store.list({ state: 'archived', cursor, limit: query.limit }, signal)
  const items: ArchiveView[] = []
  // A few at a time: a page must not take every handle or connection that the process has.
  for (let start = 0; start < page.items.length; start += LOADS_AT_ONCE) {
    const some = page.items.slice(start, start + LOADS_AT_ONCE)
    const receipts = some.map(({ job }) => load(deps, job.definition.id, signal))
    items.push(...(await Promise.all(receipts)).map(toArchiveView))
  }
  const { nextCursor } = page
  return {
    body: {
      items,
      nextCursor: nextCursor === null ? null : encodeCursor('archives', nextCursor),
    },
  }
}

/** A job is archived only after its receipt is on stable storage. */
async function load(
  { journal }: ArchiveHandlerDeps,
  jobId: JobId,
  signal: AbortSignal,
): Promise<Receipt> {
  const receipt = (await journal.load(jobId, signal))?.receipt ?? null
  if (receipt !== null) return receipt
  throw new AppError('JOURNAL_UNAVAILABLE', `The journal has no receipt of job ${jobId}`)
}

function toArchiveView(receipt: Receipt): ArchiveView {
  return {
    archiveId: receipt.archive.archiveId,
    jobId: receipt.jobId,
    vault: receipt.vault,
    region: receipt.region,
    account: receipt.account,
    location: receipt.archive.location,
    sha256TreeHash: receipt.archive.treeHash,
    sha256: receipt.sha256,
    size: receipt.plan.sizeBytes,
    partSize: receipt.plan.partSizeBytes,
    description: receipt.description === '' ? null : receipt.description,
    labels: { ...receipt.labels },
    source: { type: receipt.source.type, path: receipt.source.path },
    createdAt: new Date(receipt.createdAtMs).toISOString(),
    archivedAt: new Date(receipt.archivedAtMs).toISOString(),
  }
}

function toReceiptView(receipt: Receipt): ReceiptView {
  const { generation, partTreeHashes, pin } = receipt
  const { sizeBytes: size, ...identity } = pin
  return {
    ...toArchiveView(receipt),
    generation,
    sourceVersion: { size, ...identity },
    partTreeHashes: [...partTreeHashes],
  }
}
