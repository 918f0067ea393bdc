import { hasPart, type PartPlan, partRange } from '@firn/core'
import type { PartView } from './views.ts'

/** What the store knows of the parts of one upload; the store's `PartTable` fits. */
export interface PartRecords {
  readonly bitmap: Uint8Array
  readonly treeHashes: Uint8Array
  readonly attempts: readonly number[]
  readonly workers: readonly (string | null)[]
}

/**
 * The API's view of the parts from `start`, at most `limit` of them. Pure. A part that a worker
 * began and did not record is `uploading`, whether or not that worker still lives.
 */
export function partsToViews(
  plan: PartPlan,
  records: PartRecords,
  page: { readonly start: number; readonly limit: number },
): PartView[] {
  const end = Math.min(plan.partCount, page.start + page.limit)
  const views: PartView[] = []
  for (let index = page.start; index < end; index += 1) views.push(partToView(plan, records, index))
  return views
}

function partToView(plan: PartPlan, records: PartRecords, index: number): PartView {
  const range = partRange(plan, index)
  const isUploaded = hasPart(records.bitmap, index)
  const attempts = records.attempts[index] ?? 0
  const hash = records.treeHashes.subarray(index * 32, (index + 1) * 32)
  const begun = attempts > 0 ? 'uploading' : 'pending'
  return {
    index,
    start: range.start,
    end: range.end - 1,
    state: isUploaded ? 'uploaded' : begun,
    sha256TreeHash: isUploaded ? Buffer.from(hash).toString('hex') : null,
    attempts,
    worker: records.workers[index] ?? null,
  }
}
