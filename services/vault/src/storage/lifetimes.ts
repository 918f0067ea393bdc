import type { Ending, Job, Upload, Vault } from './catalog.ts'

/** How long an end of an upload can be asked for again, and how long a job's output is kept. */
export const MEMORY_MS = 24 * 60 * 60_000

/** Parts count as activity from their first byte to their last; reading the list does not. */
export function isExpired(upload: Upload, nowMs: number, uploadIdleMs: number): boolean {
  return upload.receivingCount === 0 && nowMs - upload.lastActiveAtMs > uploadIdleMs
}

/** How an upload ended, if that was not too long ago to be asked for again. */
export function recentEnding(vault: Vault, uploadId: string, nowMs: number): Ending | undefined {
  const ending = vault.endings.get(uploadId)
  return ending !== undefined && nowMs - ending.endedAtMs <= MEMORY_MS ? ending : undefined
}

export type JobStatus = 'InProgress' | 'Succeeded' | 'Failed'

export function jobStatus(vault: Vault, { record }: Job, nowMs: number): JobStatus {
  if (nowMs < record.completesAtMs) return 'InProgress'
  if (record.kind === 'inventory-retrieval') return 'Succeeded'
  return vault.archives.get(record.archiveId)?.hasData === true ? 'Succeeded' : 'Failed'
}

export function isForgotten(job: Job, nowMs: number): boolean {
  return nowMs - job.record.completesAtMs > MEMORY_MS
}
