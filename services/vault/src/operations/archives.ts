import { PART_SIZE_MAX_BYTES } from '@firn/core'
import { invalidParameter, notFound } from '../glacier-error.ts'
import { type Call, type Handler, requiredHeader } from '../http/call.ts'
import type { OperationDependencies } from './dependencies.ts'
import { discardAndThrow, receiveBody } from './receive-body.ts'
import { archiveDescription, requiredVault, vaultNotFound } from './resources.ts'

type Dependencies = Pick<OperationDependencies, 'store' | 'intake' | 'names'>

export function archiveOperations({ store, intake, names }: Dependencies) {
  return {
    UploadArchive: async (call) => {
      const vault = requiredVault(store, names, call)
      const description = archiveDescription(call)
      const sizeBytes = contentLength(call)
      store.assertSound()
      const tempPath = store.newTempPath()
      const { treeHash } = await receiveBody(intake, call, { path: tempPath, sizeBytes })
      const archiveId = await store
        .createArchive(vault, { description, sizeBytes, treeHash, tempPath })
        .catch((error: unknown) => discardAndThrow(store, tempPath, error))
      if (archiveId === undefined) throw vaultNotFound(names, call)
      return {
        status: 201,
        headers: {
          location: names.location(call, 'archives', archiveId),
          'x-amz-archive-id': archiveId,
          'x-amz-sha256-tree-hash': treeHash,
        },
      }
    },

    DeleteArchive: async (call) => {
      const vault = requiredVault(store, names, call)
      const vaultKey = store.vaultKeyOf(call.id)
      if (vaultKey === undefined) throw notFound(`The archive ID was not found: ${call.id}`)
      if (vaultKey !== vault.key) {
        throw invalidParameter(`Invalid vault name: ${names.arn(call.accountId, call.vaultName)}`)
      }
      // An id of this vault that is not there was deleted before.
      const archive = vault.archives.get(call.id)
      if (archive !== undefined) await store.deleteArchive(vault, archive)
      return { status: 204 }
    },
  } satisfies Record<string, Handler>
}

function contentLength(call: Call): number {
  const text = requiredHeader(call, 'content-length')
  const sizeBytes = Number(text)
  if (sizeBytes >= 1 && sizeBytes <= PART_SIZE_MAX_BYTES) return sizeBytes
  throw invalidParameter(`Invalid Content-Length: ${text}`)
}
