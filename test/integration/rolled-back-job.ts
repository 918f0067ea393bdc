import { AppError, defaultControls, type JobId, newJob, type Progress } from '@firn/core'
import type { FinalizeDeps, OpenDeps, PartDeps } from '@firn/engine'
import {
  type CancelRecord,
  createMemoryJournal,
  type FailureRecord,
  type IntentRecord,
  type Journal,
  type Receipt,
} from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, anUpload } from '@firn/testing'

const { signal } = new AbortController()
const ignore = async (): Promise<void> => {}
const treeHash = 'ab'.repeat(32)
const reason = { code: 'GLACIER_TIMEOUT', message: 'slow', isRetryable: true } as const

export type RolledBackState = 'queued' | 'uploading' | 'paused' | 'failed' | 'finalizing'

/** A store that says `state` of a job of which the journal knows what `tell` tells it. */
export async function openRolledBack(
  state: RolledBackState,
  tell: (journal: Journal, jobId: JobId) => Promise<unknown> = ignore,
) {
  const { queues, controls, now } = rolledBackDeps
  const [store, journal] = [createMemoryJobStore(), createMemoryJournal()]
  const definition = aDefinition()
  const { id } = definition
  await journal.putDefinition(definition, signal)
  await tell(journal, id)
  await store.create({ ...newJob(definition), progress: progressOf(state) }, signal)
  const stateOf = async () => (await store.load(id, signal))?.job.progress.state
  return { deps: { store, journal, queues, controls, now }, id, stateOf }
}

function progressOf(state: RolledBackState): Progress {
  const base = { generation: 1, upload: anUpload() }
  switch (state) {
    case 'queued':
      return { state, generation: 1, isOpening: true }
    case 'uploading':
      return { state, ...base }
    case 'paused':
      return { state, ...base, isOpening: false }
    case 'finalizing':
      return { state, ...base, treeHash }
    case 'failed':
      return { state, ...base, fate: 'kept', error: reason }
  }
}

export function aFailure(jobId: JobId): FailureRecord {
  return { jobId, generation: 1, error: reason, atMs: 1 }
}

export function aCancel(jobId: JobId): CancelRecord {
  return { jobId, generation: 1, cancelledAtMs: 1 }
}

export function anIntent(jobId: JobId): IntentRecord {
  const { uploadId, plan } = anUpload()
  return { jobId, generation: 1, uploadId, sizeBytes: plan.sizeBytes, treeHash, atMs: 1 }
}

export function aReceipt(jobId: JobId): Receipt {
  const { plan, pin } = anUpload()
  return {
    ...{ formatVersion: 1, account: null },
    ...{ jobId, generation: 1, vault: 'photos', region: null, description: '', labels: {} },
    ...{ plan, pin, partTreeHashes: [], sha256: null, createdAtMs: 1, archivedAtMs: 2 },
    archive: { archiveId: 'archive-1', location: '/-/vaults/photos/archives/archive-1', treeHash },
    source: { type: 'file', path: '/srv/photos/2026.tar' },
  }
}

function gone(): never {
  throw new AppError('GLACIER_UPLOAD_NOT_FOUND', 'no such upload')
}

/** Of a Glacier that knows no upload, and a source that can be read. */
export const rolledBackDeps: Omit<PartDeps & FinalizeDeps & OpenDeps, 'store' | 'journal'> = {
  keepAliveMs: 0,
  queues: {
    addOpen: ignore,
    addParts: ignore,
    addFinalize: ignore,
    changePriority: ignore,
    addAbort: ignore,
  },
  controls: () => defaultControls,
  now: Date.now,
  glacier: {
    initiateUpload: async () => gone(),
    uploadPart: async () => gone(),
    completeUpload: async () => gone(),
    abortUpload: async () => gone(),
    listParts: gone,
    listUploads: gone,
  },
  inventories: {
    inventoryDateMs: async () => null,
    askInventory: async () => gone(),
    readInventory: async () => gone(),
  },
  inventoryMarginMs: 0,
  inventoryPatienceMs: 0,
  region: null,
  sources: {
    inspect: async () => anUpload().pin,
    hashWhole: async () => ({ sha256: treeHash, treeHash }),
    openPart: async () => ({
      body: new Uint8Array(),
      ...{ sha256: treeHash, treeHash, verify: ignore },
      [Symbol.asyncDispose]: ignore,
    }),
  },
  watchJob: () => ({ signal, [Symbol.dispose]: () => undefined }),
  workerName: 'ann',
  observe: { phase: () => undefined, part: () => undefined },
}
