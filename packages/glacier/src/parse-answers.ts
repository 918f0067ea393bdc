import { AppError, type ByteRange } from '@firn/core'
import { z } from 'zod'
import type { Inventory, OpenUpload, StoredPart, VaultDescription } from './glacier.ts'

// Everything Glacier says is checked here, once. An answer that is not what the service documents
// came from something else, or was cut: GLACIER_UNAVAILABLE, and never a guess.

const RANGE = /^(\d{1,15})-(\d{1,15})$/
const TREE_HASH = /^[0-9a-f]{64}$/i
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/
const VAULT_ARN = /^arn:[a-z0-9-]+:glacier:[a-z0-9-]+:([0-9]{12}):vaults\//
/** Upload and archive ids: opaque, may begin with a hyphen. */
const ID = /^[A-Za-z0-9_-]{1,1024}$/

/** A range as lists give it, `first-last`, both inclusive; undefined when it is none. */
export function parseRange(text: string | undefined): ByteRange | undefined {
  const [, first, last] = RANGE.exec(text ?? '') ?? []
  if (first === undefined || last === undefined) return undefined
  const range = { start: Number(first), end: Number(last) + 1 }
  return range.start < range.end ? range : undefined
}

/** Lower-case hex, or undefined. */
export function parseTreeHash(text: string | undefined): string | undefined {
  return text !== undefined && TREE_HASH.test(text) ? text.toLowerCase() : undefined
}

/** An ISO 8601 instant in UTC, with or without fractions of a second, as Unix milliseconds. */
export function parseDateMs(text: string | undefined): number | undefined {
  if (text === undefined || !DATE.test(text)) return undefined
  const atMs = Date.parse(text)
  return Number.isNaN(atMs) ? undefined : atMs
}

/** An upload or archive id, or undefined for one that is missing, empty or damaged. */
export function parseId(text: string | undefined): string | undefined {
  return text !== undefined && ID.test(text) ? text : undefined
}

/** One element of ListParts. */
export function parseStoredPart(element: {
  readonly RangeInBytes?: string | undefined
  readonly SHA256TreeHash?: string | undefined
}): StoredPart {
  const range = parseRange(element.RangeInBytes)
  const treeHash = parseTreeHash(element.SHA256TreeHash)
  if (range === undefined || treeHash === undefined) throw malformed('a list of parts', element)
  return { range, treeHash }
}

/** One element of ListMultipartUploads. */
export function parseOpenUpload(element: {
  readonly MultipartUploadId?: string | undefined
  readonly ArchiveDescription?: string | undefined
  readonly PartSizeInBytes?: number | undefined
  readonly CreationDate?: string | undefined
}): OpenUpload {
  const uploadId = parseId(element.MultipartUploadId)
  const createdAtMs = parseDateMs(element.CreationDate)
  const partSizeBytes = element.PartSizeInBytes
  if (uploadId === undefined || createdAtMs === undefined || !Number.isSafeInteger(partSizeBytes)) {
    throw malformed('a list of uploads', element)
  }
  return {
    uploadId,
    description: element.ArchiveDescription ?? null,
    partSizeBytes: partSizeBytes ?? 0,
    createdAtMs,
  }
}

/** One element of ListVaults. The counts are those of the last inventory, 0 before the first. */
export function parseVault(element: {
  readonly VaultName?: string | undefined
  readonly VaultARN?: string | undefined
  readonly CreationDate?: string | undefined
  readonly NumberOfArchives?: number | undefined
  readonly SizeInBytes?: number | undefined
}): VaultDescription {
  const { VaultName: name, VaultARN: arn, CreationDate: createdAt } = element
  if (!name || !arn || createdAt === undefined || parseDateMs(createdAt) === undefined) {
    throw malformed('a list of vaults', element)
  }
  const archiveCount = element.NumberOfArchives ?? 0
  return { name, arn, createdAt, archiveCount, sizeBytes: element.SizeInBytes ?? 0 }
}

/** Of DescribeVault: when the vault's latest inventory is from, null before the first. */
export function parseInventoryDate(answer: {
  readonly VaultName?: string | undefined
  readonly LastInventoryDate?: string | undefined
}): number | null {
  if (!answer.VaultName) throw malformed('a description of a vault', answer)
  if (answer.LastInventoryDate == null) return null
  const dateMs = parseDateMs(answer.LastInventoryDate)
  if (dateMs === undefined) throw malformed('a description of a vault', answer)
  return dateMs
}

const inventorySchema = z.object({
  VaultARN: z.string().optional(),
  InventoryDate: z.string(),
  ArchiveList: z.array(
    z.object({
      ArchiveId: z.string().min(1),
      ArchiveDescription: z.string().nullish(),
      CreationDate: z.string(),
      Size: z.int().nonnegative(),
      SHA256TreeHash: z.string(),
    }),
  ),
})

/** The output of an inventory retrieval in JSON. Its dates may lack fractions of a second. */
export function parseInventory(text: string): Inventory {
  const parsed = inventorySchema.safeParse(parseJson(text))
  const takenAtMs = parseDateMs(parsed.data?.InventoryDate)
  if (!parsed.success || takenAtMs === undefined)
    throw malformed('an inventory', text.slice(0, 300))
  const archives = parsed.data.ArchiveList.map((row) => {
    const createdAtMs = parseDateMs(row.CreationDate)
    const treeHash = parseTreeHash(row.SHA256TreeHash)
    if (createdAtMs === undefined || treeHash === undefined) throw malformed('an inventory', row)
    const { ArchiveId: archiveId, Size: sizeBytes } = row
    return {
      archiveId,
      description: row.ArchiveDescription ?? null,
      sizeBytes,
      treeHash,
      createdAtMs,
    }
  })
  const [, account = null] = VAULT_ARN.exec(parsed.data.VaultARN ?? '') ?? []
  return { account, takenAtMs, archives }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What cannot have come from Glacier as documented. */
export function malformed(where: string, found: unknown): AppError {
  const text = JSON.stringify(found).slice(0, 300)
  return new AppError('GLACIER_UNAVAILABLE', `Cannot understand ${where} from Glacier: ${text}`)
}
