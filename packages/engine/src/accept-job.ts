import { isDeepStrictEqual } from 'node:util'
import { AppError, createJobId, type Job, type JobDefinition, jobIdOfKey, newJob } from '@firn/core'
import type { StoredJob } from '@firn/store'
import type { JobDeps } from './deps.ts'
import { enqueueWork } from './enqueue-work.ts'
import { rebuiltJob } from './job-from-journal.ts'
import { loadEntry } from './load-entry.ts'

/** A job as its client asks for it, already validated. */
export interface JobRequest extends Omit<JobDefinition, 'id' | 'createdAtMs'> {
  /** 1 to 255 characters; null when the client sent none. */
  readonly idempotencyKey: string | null
}

export interface AcceptDeps extends JobDeps {
  /** Cryptographically random bytes. */
  readonly randomBytes: (count: number) => Uint8Array
}

/**
 * Accepts a job: once this resolves it is on stable storage and will end as one archive or as a
 * clear failure. Equal requests under one idempotency key give one job, however many run at once,
 * wherever one of them died, and even if Redis was lost in between: the job's id is made from the
 * key, and the journal keeps the first definition of an id.
 *
 * @throws AppError IDEMPOTENCY_KEY_REUSED when the key came with another request; STORE_, QUEUE_
 * or JOURNAL_UNAVAILABLE, after which the job may or may not exist: send it again with the key.
 */
export async function acceptJob(
  deps: AcceptDeps,
  request: JobRequest,
  signal: AbortSignal,
): Promise<{ readonly stored: StoredJob; readonly isReplay: boolean }> {
  const { idempotencyKey, ...asked } = request
  const createdAtMs = deps.now()
  const id =
    idempotencyKey === null
      ? createJobId(createdAtMs, deps.randomBytes(10))
      : jobIdOfKey(idempotencyKey)

  // Without a key, too: what is journaled while there is no store becomes a job later, although
  // its client was told that it had failed.
  const known = await deps.store.load(id, signal)
  if (known !== undefined) {
    requireSameRequest(asked, known.job.definition)
    // Whoever accepted it may have died before the work was announced.
    await enqueueWork(deps, known.job, signal)
    return { stored: known, isReplay: true }
  }

  const wanted = { ...asked, id, createdAtMs }
  const definition = await deps.journal.putDefinition(wanted, signal)
  requireSameRequest(asked, definition)
  const isNewDefinition = definition === wanted
  const job = isNewDefinition ? newJob(definition) : await knownJob(deps, definition, signal)
  const isNew = await deps.store.create(job, signal)
  await enqueueWork(deps, job, signal)
  const counts = { uploadedParts: 0, uploadedBytes: 0, openedParts: 0, bytesPerSecond: null }
  const stored = (await deps.store.load(id, signal)) ?? { job, version: 1, counts, trouble: null }
  return { stored, isReplay: !isNew }
}

/** A job that was accepted before, and that Redis may have lost since, however far it was. */
async function knownJob(
  deps: AcceptDeps,
  definition: JobDefinition,
  signal: AbortSignal,
): Promise<Job> {
  return rebuiltJob(await loadEntry(deps, definition.id, signal), deps.now())
}

function requireSameRequest(
  asked: Omit<JobDefinition, 'id' | 'createdAtMs'>,
  { id, createdAtMs, ...kept }: JobDefinition,
): void {
  if (isDeepStrictEqual(asked, kept)) return
  throw new AppError(
    'IDEMPOTENCY_KEY_REUSED',
    `The Idempotency-Key came with another request before, for job ${id}`,
  )
}
