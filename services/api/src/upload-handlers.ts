import { PageQuery, type UploadView } from '@firn/contracts'
import { ownerOf } from '@firn/engine'
import type { Glacier, OpenUpload } from '@firn/glacier'
import type { JobStore } from '@firn/store'
import type { Call, Handler } from './call.ts'
import { pageByKey } from './page-by-key.ts'
import { readQuery, readVaultName } from './read-input.ts'
import { RequestError } from './request-error.ts'

export interface UploadHandlerDeps {
  readonly store: JobStore
  readonly glacier: Pick<Glacier, 'listUploads' | 'abortUpload'>
}

/** The calls about multipart uploads in progress. */
export function uploadHandlers(deps: UploadHandlerDeps) {
  return {
    listUploads: (call) => listUploads(deps, call),
    abortUpload: (call) => abortUpload(deps, call),
  } as const satisfies Record<string, Handler>
}

async function listUploads({ store, glacier }: UploadHandlerDeps, { req, params, signal }: Call) {
  const vault = readVaultName(params.name)
  const query = readQuery(PageQuery, req.url)
  const uploads: OpenUpload[] = []
  for await (const upload of glacier.listUploads(vault, signal)) uploads.push(upload)
  // Glacier promises no order, and pages need one.
  uploads.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const { items, nextCursor } = pageByKey('uploads', uploads, keyOf, query)
  const views = items.map(async (upload): Promise<UploadView> => {
    const owner = await ownerOf({ store }, vault, upload, signal)
    return {
      uploadId: upload.uploadId,
      jobId: owner?.jobId ?? null,
      orphan: owner?.isOrphan ?? false,
      description: upload.description,
      partSize: upload.partSizeBytes,
      createdAt: new Date(upload.createdAtMs).toISOString(),
    }
  })
  return { body: { items: await Promise.all(views), nextCursor } }
}

function keyOf({ createdAtMs, uploadId }: OpenUpload): string {
  return `${String(createdAtMs).padStart(15, '0')}:${uploadId}`
}

async function abortUpload({ store, glacier }: UploadHandlerDeps, { params, signal, log }: Call) {
  const vault = readVaultName(params.name)
  const upload = await findUpload(glacier, vault, params.uploadId ?? '', signal)
  const { uploadId } = upload
  const owner = await ownerOf({ store }, vault, upload, signal)
  if (owner?.isNeeded === true) {
    const message = `Job ${owner.jobId} needs this upload; cancel the job and it is aborted`
    throw new RequestError('UPLOAD_IN_USE', message)
  }
  await glacier.abortUpload({ vault, uploadId }, signal)
  log.info({ vault, uploadId, jobId: owner?.jobId }, 'an operator aborted an upload')
  return { body: { vault, uploadId } }
}

/** Looked up, since its description alone says whose it is. */
async function findUpload(
  glacier: Pick<Glacier, 'listUploads'>,
  vault: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<OpenUpload> {
  for await (const upload of glacier.listUploads(vault, signal)) {
    if (upload.uploadId === uploadId) return upload
  }
  const message = 'No such upload is in progress in this vault'
  throw new RequestError('GLACIER_UPLOAD_NOT_FOUND', message)
}
