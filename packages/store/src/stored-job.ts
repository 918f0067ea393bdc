import { AppError, type Job, type JobError, type JobId, uploadOf } from '@firn/core'
import { parseJobErrorRecord, parseJobRecord } from '@firn/records'
import type { PartCounts, StoredJob } from './job-store.ts'
import { bytesPerSecond, parseSamples } from './upload-rate.ts'

/** Fields of a job's hash, in the order in which {@link parseStoredJob} takes them. */
export const storedFields = [
  'job',
  'version',
  'uploaded',
  'bytes',
  'opened',
  'rate',
  'trouble',
] as const

/**
 * Reads a job as Redis keeps it; undefined when there is none. Throws `JOB_MALFORMED` for text
 * that this version of Firn did not write.
 */
export function parseStoredJob(
  id: JobId,
  fields: readonly (string | null)[],
): StoredJob | undefined {
  const [text, version, uploaded, bytes, opened, rate, trouble] = fields
  if (text === null || text === undefined) return undefined
  const counts: PartCounts = {
    uploadedParts: Number(uploaded),
    uploadedBytes: Number(bytes),
    openedParts: Number(opened),
    bytesPerSecond: bytesPerSecond(parseSamples(rate ?? '')),
  }
  return {
    job: parseJob(id, text),
    version: Number(version),
    counts,
    trouble: parseTrouble(trouble),
  }
}

/** For people only, so a text that another version of Firn wrote must not cost them the job. */
function parseTrouble(text: string | null | undefined): JobError | null {
  if (text == null) return null
  try {
    return parseJobErrorRecord(text)
  } catch {
    return null
  }
}

export function parseJob(id: JobId, text: string): Job {
  try {
    return parseJobRecord(text)
  } catch (cause) {
    throw new AppError('JOB_MALFORMED', `Cannot read job "${id}": its record is damaged`, { cause })
  }
}

/** How many parts the job's upload has; 0 without one. */
export function partCountOf(job: Job): number {
  return uploadOf(job.progress)?.plan.partCount ?? 0
}
