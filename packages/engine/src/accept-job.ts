import { AppError, createJobId, type JobDefinition, newJob } from '@firn/core'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'

/** A job as its client asks for it, already validated. */
export interface JobRequest extends Omit<JobDefinition, 'id' | 'createdAtMs'> {
  /** `key` is scoped to whoever sent it; `requestHash` tells equal requests from others. */
  readonly idempotency: { readonly key: string; readonly requestHash: string } | null
}

export interface AcceptDeps extends JobDeps {
  /** Cryptographically random bytes. */
  readonly randomBytes: (count: number) => Uint8Array
}

/** Seven days: longer than any client retries. */
const KEY_TTL_MS = 7 * 24 * 3600 * 1000

/**
 * Accepts a job: once this resolves it is on stable storage and will end as one archive or as a
 * clear failure. Equal requests under one idempotency key give one job, however many run at once
 * and wherever one of them died: each continues with the id that the key was bound to first.
 *
 * @throws AppError IDEMPOTENCY_KEY_REUSED when the key came with another request; STORE_, QUEUE_
 * or JOURNAL_UNAVAILABLE, after which the job may or may not exist: send it again with the key.
 */
export async function acceptJob(
  deps: AcceptDeps,
  request: JobRequest,
  signal: AbortSignal,
): Promise<{ readonly stored: StoredJob; readonly isReplay: boolean }> {
  const { idempotency, ...asked } = request
  const createdAtMs = deps.now()
  let id = createJobId(createdAtMs, deps.randomBytes(10))

  if (idempotency !== null) {
    const { key, requestHash } = idempotency
    const bound = await deps.store.claimKey(key, { jobId: id, requestHash }, KEY_TTL_MS, signal)
    if (bound.requestHash !== requestHash) {
      throw new AppError('IDEMPOTENCY_KEY_REUSED', 'The Idempotency-Key came with another request')
    }
    id = bound.jobId
    const stored = await deps.store.load(id, signal)
    if (stored !== undefined) return { stored, isReplay: true }
  }

  const definition = await deps.journal.putDefinition({ ...asked, id, createdAtMs }, signal)
  const job = newJob(definition)
  const isNew = await deps.store.create(job, signal)
  await enqueueWork(deps, job, signal)
  const counts = { uploadedParts: 0, uploadedBytes: 0, openedParts: 0, bytesPerSecond: null }
  const stored = (await deps.store.load(id, signal)) ?? { job, version: 1, counts }
  return { stored, isReplay: !isNew }
}
