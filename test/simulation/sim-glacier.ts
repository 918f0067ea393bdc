import { AppError, type Archive, foldTreeHash, type PartPlan } from '@firn/core'
import type { Glacier, Inventories, Inventory, OpenUpload, StoredPart } from '@firn/glacier'

interface SimUpload {
  readonly uploadId: string
  readonly description: string
  readonly partSizeBytes: number
  readonly createdAtMs: number
  readonly parts: Map<number, StoredPart>
  state: 'open' | 'aborted' | 'expired' | { readonly archive: SimArchive; readonly atStep: number }
}

export interface SimArchive extends Archive {
  readonly description: string
  readonly sizeBytes: number
  readonly createdAtMs: number
}

/** What Glacier would hold, and the operations that change it, each in one step. */
export interface GlacierModel extends Omit<Glacier, 'listParts' | 'listUploads'>, Inventories {
  readonly archives: readonly SimArchive[]
  readonly openUploads: () => readonly OpenUpload[]
  /** Glacier may forget an upload that nobody touched for a day. */
  readonly expire: (uploadId: string) => void
  readonly readParts: (uploadId: string) => Promise<readonly StoredPart[]>
  readonly readUploads: () => Promise<readonly OpenUpload[]>
  /** The daily inventory; its date stays as it was while nothing has changed. */
  readonly takeInventory: () => void
}

/**
 * A model of Glacier's multipart upload: Complete verifies everything and may be repeated for a
 * while, an aborted or expired upload is gone, a range that comes again replaces what was there.
 */
export function createGlacierModel(options: {
  readonly now: () => number
  /** Whether Complete still answers for an upload that it completed so many ms ago. */
  readonly replayMs: number
}): GlacierModel {
  const uploads = new Map<string, SimUpload>()
  const archives: SimArchive[] = []
  const inventories: Inventory[] = []

  const find = (uploadId: string): SimUpload => {
    const upload = uploads.get(uploadId)
    if (upload?.state !== 'open') throw gone(uploadId)
    return upload
  }

  return {
    archives,
    takeInventory() {
      if (inventories.at(-1)?.archives.length === archives.length) return
      inventories.push({ account: null, takenAtMs: options.now(), archives: [...archives] })
    },
    async askInventory() {
      if (inventories.length === 0) throw new AppError('OUTCOME_UNKNOWN', 'no inventory yet')
      return { inventoryJobId: String(inventories.length - 1) }
    },
    async readInventory({ inventoryJobId }) {
      return inventories[Number(inventoryJobId)] ?? 'gone'
    },
    openUploads: () => [...uploads.values()].filter(({ state }) => state === 'open'),
    expire(uploadId) {
      find(uploadId).state = 'expired'
    },
    readUploads: async () => [...uploads.values()].filter(({ state }) => state === 'open'),
    readParts: async (uploadId) =>
      [...find(uploadId).parts.values()].sort((a, b) => a.range.start - b.range.start),

    async initiateUpload({ partSizeBytes, description }) {
      const uploadId = `U${uploads.size + 1}`
      const createdAtMs = options.now()
      const parts = new Map<number, StoredPart>()
      uploads.set(uploadId, {
        uploadId,
        description,
        partSizeBytes,
        createdAtMs,
        parts,
        state: 'open',
      })
      return { uploadId }
    },
    async uploadPart({ uploadId, range, treeHash }) {
      find(uploadId).parts.set(range.start, { range, treeHash })
    },
    async completeUpload({ uploadId, sizeBytes, treeHash }) {
      const upload = uploads.get(uploadId)
      if (upload === undefined) throw gone(uploadId)
      if (typeof upload.state === 'object') {
        const { archive, atStep } = upload.state
        if (options.now() - atStep > options.replayMs) throw gone(uploadId)
        return archive
      }
      verify(find(uploadId), { sizeBytes, treeHash })
      const archive: SimArchive = {
        archiveId: `A${archives.length + 1}`,
        location: `/1/vaults/v/archives/A${archives.length + 1}`,
        treeHash,
        description: upload.description,
        sizeBytes,
        createdAtMs: options.now(),
      }
      archives.push(archive)
      upload.state = { archive, atStep: options.now() }
      return archive
    },
    async abortUpload({ uploadId }) {
      find(uploadId).state = 'aborted'
    },
  }
}

function verify(
  { parts, partSizeBytes }: SimUpload,
  { sizeBytes, treeHash }: { readonly sizeBytes: number; readonly treeHash: string },
): void {
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
