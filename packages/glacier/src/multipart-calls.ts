import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  InitiateMultipartUploadCommand,
} from '@aws-sdk/client-glacier'
import type { Archive } from '@firn/core'
import { accountId, type Calls, outcomeUnknown } from './calls.ts'
import type { Glacier } from './glacier.ts'
import { parseId, parseTreeHash } from './parse-answers.ts'

type MultipartCalls = Pick<Glacier, 'initiateUpload' | 'completeUpload' | 'abortUpload'>

/** The calls that open and end an upload. */
export function createMultipartCalls(input: Calls): MultipartCalls {
  const { client, call, requestTimeoutMs: timeoutMs, longTimeoutMs } = input
  return {
    async initiateUpload({ vault, partSizeBytes, description }, signal) {
      const doing = `Cannot open an upload in vault "${vault}"`
      const command = new InitiateMultipartUploadCommand({
        accountId,
        vaultName: vault,
        partSize: String(partSizeBytes),
        archiveDescription: description,
      })
      const operation = 'InitiateMultipartUpload'
      const request = { operation, vault, doing, timeoutMs, uploadId: null, isPart: false } as const
      const answer = await call(request, signal, (options) => client.send(command, options))
      const uploadId = parseId(answer.uploadId)
      if (uploadId === undefined) throw outcomeUnknown(doing, 'without an upload id')
      return { uploadId }
    },

    async completeUpload({ vault, uploadId, sizeBytes, treeHash }, signal) {
      const doing = `Cannot complete an upload to vault "${vault}"`
      const command = new CompleteMultipartUploadCommand({
        accountId,
        vaultName: vault,
        uploadId,
        archiveSize: String(sizeBytes),
        checksum: treeHash,
      })
      const request = {
        operation: 'CompleteMultipartUpload',
        vault,
        doing,
        timeoutMs: longTimeoutMs,
        uploadId,
        isPart: false,
      } as const
      const answer = await call(request, signal, (options) => client.send(command, options))
      return archiveOf(answer, { doing, vault, treeHash })
    },

    async abortUpload({ vault, uploadId }, signal) {
      const doing = `Cannot abort an upload to vault "${vault}"`
      const command = new AbortMultipartUploadCommand({ accountId, vaultName: vault, uploadId })
      const operation = 'AbortMultipartUpload'
      const request = { operation, vault, doing, timeoutMs, uploadId, isPart: false } as const
      await call(request, signal, (options) => client.send(command, options))
    },
  }
}

/** An answer that leaves any doubt is no archive yet: the same Complete, repeated, will tell. */
function archiveOf(
  answer: {
    readonly archiveId?: string | undefined
    readonly location?: string | undefined
    readonly checksum?: string | undefined
  },
  { doing, vault, treeHash }: Record<'doing' | 'vault' | 'treeHash', string>,
): Archive {
  const archiveId = parseId(answer.archiveId)
  if (archiveId === undefined) throw outcomeUnknown(doing, 'without an archive id')
  // The developer guide does not list the hash among this answer's headers; the model does.
  const stored = answer.checksum === undefined ? treeHash : parseTreeHash(answer.checksum)
  if (stored !== treeHash) {
    throw outcomeUnknown(doing, `with tree hash "${answer.checksum}", expected "${treeHash}"`)
  }
  const location = answer.location || `/${accountId}/vaults/${vault}/archives/${archiveId}`
  return { archiveId, location, treeHash }
}
