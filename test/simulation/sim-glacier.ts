import { AppError, type Archive, foldTreeHash, type PartPlan } from '@firn/core'
import type { Glacier, OpenUpload, StoredPart } from '@firn/glacier'
import type { Random } from './random.ts'
import { createInventoryModel, type InventoryModel } from './sim-inventory.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
const STEP_MS = 1000

interface SimUpload extends OpenUpload {
  readonly parts: Map<number, StoredPart>
  activeAtMs: number
  closedAtMs: number | null
  state: 'open' | 'aborted' | 'expired' | { readonly archive: SimArchive }
}

export interface SimArchive extends Archive {
  readonly description: string
  readonly sizeBytes: number
  readonly createdAtMs: number
}

/** What Glacier would hold, and the operations that change it, each in one step. */
export interface GlacierModel extends Omit<Glacier, 'listParts' | 'listUploads'>, InventoryModel {
  readonly archives: readonly SimArchive[]
  readonly openUploads: () => readonly SimUpload[]
  /** Uploads that nobody has touched for a day: Glacier may forget them, or not yet. */
  readonly idleUploads: () => readonly SimUpload[]
  readonly expire: (uploadId: string) => void
  /** Somebody uploads other bytes over one of its parts. */
  readonly spoil: (uploadId: string) => void
  readonly readParts: (uploadId: string) => Promise<readonly StoredPart[]>
  readonly readUploads: () => Promise<readonly OpenUpload[]>
}

/** How a Glacier behaves where its documentation leaves it open. */
interface Manners {
  readonly now: () => number
  /** For how long Complete and Abort still answer for an upload that they ended. */
  readonly replayMs: number
  /** How far the list of uploads is behind. */
  readonly listLagMs: number
}

/**
 * A model of Glacier's multipart upload: Complete verifies everything and may be repeated for a
 * while (or never, or for ever), an aborted or expired upload is gone, a range that comes again
 * replaces what was there.
 */
export function createGlacierModel(random: Random, now: () => number): GlacierModel {
  const archives: SimArchive[] = []
  const replays = [0, random.below(100) * STEP_MS, Number.POSITIVE_INFINITY]
  const manners: Manners = {
    now,
    replayMs: replays[random.below(replays.length)] ?? 0,
    listLagMs: random.below(2) * random.below(20) * STEP_MS,
  }
  const lagMs = random.below(2) * random.below(12) * HOUR_MS
  const delayMs = random.below(2) * 4 * HOUR_MS
  return {
    archives,
    ...createInventoryModel({ now, archives, lagMs, delayMs }),
    ...createUploads(archives, manners),
  }
}

const isOpen = ({ state }: SimUpload) => state === 'open'

function createUploads(archives: SimArchive[], { now, replayMs, listLagMs }: Manners) {
  const uploads = new Map<string, SimUpload>()
  const find = (uploadId: string): SimUpload => {
    const upload = uploads.get(uploadId)
    if (upload === undefined || !isOpen(upload)) throw gone(uploadId)
    return upload
  }
  const close = (upload: SimUpload, state: SimUpload['state']): void => {
    upload.state = state
    upload.closedAtMs = now()
  }
  const isRecent = ({ closedAtMs }: SimUpload) => now() - (closedAtMs ?? 0) <= replayMs
  const isListed = ({ createdAtMs, closedAtMs }: SimUpload) => {
    const asOfMs = now() - listLagMs
    return createdAtMs <= asOfMs && (closedAtMs === null || closedAtMs > asOfMs)
  }

  return {
    openUploads: () => [...uploads.values()].filter(isOpen),
    idleUploads: () =>
      [...uploads.values()].filter(
        (upload) => isOpen(upload) && now() - upload.activeAtMs > DAY_MS,
      ),
    expire: (uploadId: string) => close(find(uploadId), 'expired'),
    spoil(uploadId: string) {
      const { parts } = find(uploadId)
      for (const part of parts.values()) {
        return void parts.set(part.range.start, { ...part, treeHash: 'ff'.repeat(32) })
      }
    },
    readUploads: async () => [...uploads.values()].filter(isListed),
    readParts: async (uploadId: string) =>
      [...find(uploadId).parts.values()].sort((a, b) => a.range.start - b.range.start),

    async initiateUpload({ partSizeBytes, description }) {
      const uploadId = `U${uploads.size + 1}`
      const parts = new Map<number, StoredPart>()
      const times = { createdAtMs: now(), activeAtMs: now(), closedAtMs: null }
      const state = 'open'
      uploads.set(uploadId, { uploadId, description, partSizeBytes, parts, ...times, state })
      return { uploadId }
    },
    async uploadPart({ uploadId, range, treeHash }) {
      const upload = find(uploadId)
      upload.parts.set(range.start, { range, treeHash })
      upload.activeAtMs = now()
    },
    async completeUpload({ uploadId, sizeBytes, treeHash }) {
      const upload = uploads.get(uploadId)
      if (typeof upload?.state === 'object') {
        if (isRecent(upload)) return upload.state.archive
        throw gone(uploadId)
      }
      const { description, parts, partSizeBytes } = find(uploadId)
      verify(parts, { sizeBytes, partSizeBytes, treeHash })
      const archiveId = `A${archives.length + 1}`
      const location = `/1/vaults/v/archives/${archiveId}`
      const facts = { description: description ?? '', sizeBytes, createdAtMs: now() }
      const archive = { archiveId, location, treeHash, ...facts }
      archives.push(archive)
      close(find(uploadId), { archive })
      return archive
    },
    async abortUpload({ uploadId }) {
      const upload = uploads.get(uploadId)
      if (upload?.state === 'aborted' && isRecent(upload)) return
      close(find(uploadId), 'aborted')
    },
  } satisfies Partial<GlacierModel>
}

function verify(
  parts: ReadonlyMap<number, StoredPart>,
  claim: { readonly sizeBytes: number; readonly partSizeBytes: number; readonly treeHash: string },
): void {
  const { sizeBytes, partSizeBytes, treeHash } = claim
  const plan: PartPlan = {
    sizeBytes,
    partSizeBytes,
    partCount: Math.ceil(sizeBytes / partSizeBytes),
  }
  const sorted = [...parts.values()].sort((a, b) => a.range.start - b.range.start)
  let end = 0
  for (const { range } of sorted) {
    if (range.start !== end) throw new AppError('GLACIER_REFUSED', `gap at ${end}`)
    end = range.end
  }
  if (end !== sizeBytes || sorted.length !== plan.partCount) {
    throw new AppError('GLACIER_REFUSED', `size ${end}, claimed ${sizeBytes}`)
  }
  const root = foldTreeHash(sorted.map((part) => Buffer.from(part.treeHash, 'hex')))
  if (root.toString('hex') !== treeHash) throw new AppError('GLACIER_REFUSED', 'tree hash')
}

function gone(uploadId: string): AppError {
  return new AppError('GLACIER_UPLOAD_NOT_FOUND', `The upload ID was not found: ${uploadId}`)
}
