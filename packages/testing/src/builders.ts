import { randomBytes } from 'node:crypto'
import {
  createJobId,
  type Job,
  type JobDefinition,
  type JobId,
  MIB,
  newJob,
  type Progress,
  type Upload,
} from '@firn/core'

/** A new id, made at `atMs`. */
export function aJobId(atMs: number = Date.now()): JobId {
  return createJobId(atMs, randomBytes(10))
}

/** What a client may have asked for; every call has an id of its own. */
export function aDefinition(overrides: Partial<JobDefinition> = {}): JobDefinition {
  const createdAtMs = overrides.createdAtMs ?? Date.now()
  return {
    id: aJobId(createdAtMs),
    vault: 'photos',
    source: { type: 'file', path: '/srv/photos/2026.tar' },
    description: 'Photos of 2026',
    partSizeBytes: null,
    priority: 3,
    expected: { sizeBytes: null, sha256: null, sha256TreeHash: null },
    labels: { owner: 'ada' },
    createdAtMs,
    ...overrides,
  }
}

/** A job in state `queued`, or in the `progress` given. */
export function aJob(
  overrides: { readonly definition?: JobDefinition; readonly progress?: Progress } = {},
): Job {
  const job = newJob(overrides.definition ?? aDefinition())
  return overrides.progress === undefined ? job : { ...job, progress: overrides.progress }
}

/** A multipart upload of `partCount` parts of 1 MiB. */
export function anUpload({
  partCount = 4,
  ...overrides
}: { readonly partCount?: number } & Partial<Upload> = {}): Upload {
  const sizeBytes = partCount * MIB
  return {
    uploadId: 'upload-1',
    plan: { sizeBytes, partSizeBytes: MIB, partCount },
    pin: { sizeBytes, device: '2049', inode: '131', mtimeNs: '1700000000000000001', ctimeNs: '2' },
    expectedTreeHash: null,
    openedAtMs: 1_700_000_000_000,
    ...overrides,
  }
}
