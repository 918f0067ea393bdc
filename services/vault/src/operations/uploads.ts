import {
  ARCHIVE_SIZE_MAX_BYTES,
  isPartSize,
  PART_SIZE_MAX_BYTES,
  PART_SIZE_MIN_BYTES,
} from '@firn/core'
import { type GlacierError, invalidParameter, notFound } from '../glacier-error.ts'
import {
  type Answer,
  type Call,
  type Handler,
  requiredHeader,
  requiredTreeHash,
} from '../http/call.ts'
import type { ArchiveClaim, Assembly } from '../storage/assembly.ts'
import type { Upload, Vault } from '../storage/catalog.ts'
import { isExpired, recentEnding } from '../storage/lifetimes.ts'
import { parsePartRange } from './content-range.ts'
import type { OperationDependencies } from './dependencies.ts'
import { takePage } from './page.ts'
import { discardAndThrow, receiveBody } from './receive-body.ts'
import {
  archiveDescription,
  isoDate,
  type Names,
  requiredVault,
  vaultNotFound,
} from './resources.ts'

type Dependencies = Pick<
  OperationDependencies,
  'store' | 'intake' | 'names' | 'clock' | 'pageMax' | 'uploadIdleMs'
>

export function uploadOperations(dependencies: Dependencies) {
  const { store, names, clock } = dependencies
  return {
    InitiateMultipartUpload: async (call) => {
      const vault = requiredVault(store, names, call)
      const partSizeBytes = partSize(call)
      const upload = await store.createUpload(vault, {
        description: archiveDescription(call),
        partSizeBytes,
      })
      if (upload === undefined) throw vaultNotFound(names, call)
      const { uploadId } = upload.record
      return {
        status: 201,
        headers: {
          location: names.location(call, 'multipart-uploads', uploadId),
          'x-amz-multipart-upload-id': uploadId,
        },
      }
    },

    UploadMultipartPart: (call) => uploadPart(call, dependencies),
    CompleteMultipartUpload: (call) => completeUpload(call, dependencies),

    AbortMultipartUpload: async (call) => {
      const vault = requiredVault(store, names, call)
      const upload = findUpload(vault, call.id, dependencies)
      const isAborted = upload !== undefined && (await store.abortUpload(vault, upload))
      const ending = recentEnding(vault, call.id, clock.nowMs())
      if (!isAborted && ending?.kind !== 'aborted') throw uploadNotFound(call)
      return { status: 204 }
    },

    ListParts: async (call) => listParts(call, dependencies),

    ListMultipartUploads: async (call) => {
      const vault = requiredVault(store, names, call)
      const open = [...vault.uploads.values()].filter(
        (upload) => !isExpired(upload, clock.nowMs(), dependencies.uploadIdleMs),
      )
      const { items, marker } = takePage(call, positioned(open), dependencies.pageMax)
      return {
        status: 200,
        json: {
          Marker: marker,
          UploadsList: items.map((upload) => describeUpload(names, vault, upload)),
        },
      }
    },
  } satisfies Record<string, Handler>
}

function positioned(uploads: readonly Upload[]) {
  return uploads
    .map((item) => {
      const { createdAtMs, uploadId } = item.record
      return { position: `${String(createdAtMs).padStart(15, '0')} ${uploadId}`, item }
    })
    .sort((a, b) => (a.position < b.position ? -1 : 1))
}

function describeUpload(names: Names, vault: Vault, { record }: Upload): object {
  return {
    ArchiveDescription: record.description,
    CreationDate: isoDate(record.createdAtMs),
    MultipartUploadId: record.uploadId,
    PartSizeInBytes: record.partSizeBytes,
    VaultARN: names.arn(vault.record.accountId, vault.record.name),
  }
}

function partSize(call: Call): number {
  const text = call.header('x-amz-part-size')
  if (text !== undefined && /^[0-9]{1,15}$/.test(text) && isPartSize(Number(text))) {
    return Number(text)
  }
  throw invalidParameter(
    `Invalid part size: ${text ?? 'null'}. Part size must not be null, must be a power of two and be ` +
      `between ${PART_SIZE_MIN_BYTES} and ${PART_SIZE_MAX_BYTES} bytes.`,
  )
}

function uploadNotFound(call: Call): GlacierError {
  return notFound(`The upload ID was not found: ${call.id}`)
}

function findUpload(
  vault: Vault,
  uploadId: string,
  { clock, uploadIdleMs }: Dependencies,
): Upload | undefined {
  const upload = vault.uploads.get(uploadId)
  return upload !== undefined && isExpired(upload, clock.nowMs(), uploadIdleMs) ? undefined : upload
}

async function uploadPart(call: Call, dependencies: Dependencies): Promise<Answer> {
  const { store, names, clock, intake } = dependencies
  const vault = requiredVault(store, names, call)
  const upload = findUpload(vault, call.id, dependencies)
  if (upload === undefined) throw uploadNotFound(call)
  const lengthText = call.header('content-length')
  const { index, sizeBytes } = parsePartRange(requiredHeader(call, 'content-range'), {
    partSizeBytes: upload.record.partSizeBytes,
    contentLength: lengthText === undefined ? undefined : Number(lengthText),
  })
  store.assertSound()
  upload.receivingCount += 1
  upload.lastActiveAtMs = clock.nowMs()
  try {
    const tempPath = store.newTempPath()
    const { treeHash } = await receiveBody(intake, call, { path: tempPath, sizeBytes })
    const isStored = await store
      .commitPart(vault, upload, { index, sizeBytes, treeHash, tempPath })
      .catch((error: unknown) => discardAndThrow(store, tempPath, error))
    if (!isStored) throw uploadNotFound(call)
    return { status: 204, headers: { 'x-amz-sha256-tree-hash': treeHash } }
  } finally {
    upload.receivingCount -= 1
    upload.lastActiveAtMs = clock.nowMs()
  }
}

async function completeUpload(call: Call, dependencies: Dependencies): Promise<Answer> {
  const { store, names, clock } = dependencies
  const vault = requiredVault(store, names, call)
  const claim = { sizeBytes: archiveSize(call), treeHash: requiredTreeHash(call) }
  const upload = findUpload(vault, call.id, dependencies)
  if (upload !== undefined) {
    const result = await store.completeUpload(vault, upload, claim)
    if (result.kind === 'completed') return completed(call, names, result.archiveId, claim)
    if (result.kind === 'refused') throw refusal(call, result.assembly)
  }
  // A repetition, after the answer to the first was lost.
  const ending = recentEnding(vault, call.id, clock.nowMs())
  if (ending?.kind !== 'completed') throw uploadNotFound(call)
  if (ending.sizeBytes !== claim.sizeBytes) {
    throw refusal(call, { kind: 'wrong-size', sizeBytes: ending.sizeBytes })
  }
  if (ending.treeHash !== claim.treeHash) {
    throw refusal(call, { kind: 'wrong-hash', treeHash: ending.treeHash })
  }
  return completed(call, names, ending.archiveId, claim)
}

function archiveSize(call: Call): number {
  const text = requiredHeader(call, 'x-amz-archive-size')
  const sizeBytes = Number(text)
  if (/^[0-9]{1,15}$/.test(text) && sizeBytes >= 1 && sizeBytes <= ARCHIVE_SIZE_MAX_BYTES) {
    return sizeBytes
  }
  throw invalidParameter(`Invalid x-amz-archive-size: ${text}`)
}

function completed(call: Call, names: Names, archiveId: string, claim: ArchiveClaim): Answer {
  return {
    status: 201,
    headers: {
      location: names.location(call, 'archives', archiveId),
      'x-amz-archive-id': archiveId,
      'x-amz-sha256-tree-hash': claim.treeHash,
    },
  }
}

function refusal(call: Call, assembly: Exclude<Assembly, { kind: 'sound' }>): GlacierError {
  switch (assembly.kind) {
    case 'empty':
      return invalidParameter(`No parts were uploaded for upload ID: ${call.id}`)
    case 'gap':
      return invalidParameter(
        `The parts do not form a whole archive. First missing byte range: ${assembly.first}-${assembly.last}`,
      )
    case 'wrong-size':
      return invalidParameter(
        `Invalid x-amz-archive-size: ${call.header('x-amz-archive-size')}. The parts have ${assembly.sizeBytes} bytes`,
      )
    case 'wrong-hash':
      return invalidParameter(
        `Invalid x-amz-sha256-tree-hash: ${call.header('x-amz-sha256-tree-hash')}`,
      )
  }
}

function listParts(call: Call, dependencies: Dependencies): Answer {
  const { store, names, pageMax } = dependencies
  const vault = requiredVault(store, names, call)
  const upload = findUpload(vault, call.id, dependencies)
  if (upload === undefined) throw uploadNotFound(call)
  const { partSizeBytes } = upload.record
  const stored = upload.parts.flatMap((part) => {
    if (part === undefined) return []
    const first = part.index * partSizeBytes
    const item = {
      RangeInBytes: `${first}-${first + part.sizeBytes - 1}`,
      SHA256TreeHash: part.treeHash,
    }
    return [{ position: String(part.index).padStart(5, '0'), item }]
  })
  const { items, marker } = takePage(call, stored, pageMax)
  return {
    status: 200,
    json: { ...describeUpload(names, vault, upload), Marker: marker, Parts: items },
  }
}
