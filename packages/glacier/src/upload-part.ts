import { UploadMultipartPartCommand } from '@aws-sdk/client-glacier'
import { AppError, invariant, MIB } from '@firn/core'
import { accountId, type Calls, outcomeUnknown } from './calls.ts'
import type { BodyFacts } from './create-client.ts'
import type { Glacier, UploadPartInput } from './glacier.ts'

/** A part's deadline lets it through a link of 1 MiB a second. */
const MS_PER_MIB = 1000

/** The call that carries bytes. `noteBody` is told what is known of them before they are sent. */
export function createUploadPart(
  { client, call, requestTimeoutMs }: Calls,
  noteBody: (body: UploadPartInput['body'], facts: BodyFacts) => void,
): Glacier['uploadPart'] {
  return async (input, signal) => {
    const { vault, uploadId, range, body, sha256, treeHash } = input
    const sizeBytes = range.end - range.start
    invariant(sizeBytes > 0, `a part of ${sizeBytes} bytes`)
    invariant(!(body instanceof Uint8Array) || body.length === sizeBytes, 'a body unlike its range')
    noteBody(body, { sha256, treeHash, sizeBytes })
    const bytes = `bytes ${range.start}-${range.end - 1}`
    const doing = `Cannot upload ${bytes} to vault "${vault}"`
    const command = new UploadMultipartPartCommand({
      accountId,
      vaultName: vault,
      uploadId,
      range: `${bytes}/*`,
      body,
    })
    const request = {
      operation: 'UploadMultipartPart',
      vault,
      doing,
      timeoutMs: requestTimeoutMs + Math.ceil(sizeBytes / MIB) * MS_PER_MIB,
      uploadId,
      isPart: true,
    } as const
    const answer = await call(request, signal, (options) => client.send(command, options))
    if (answer.checksum === undefined) throw outcomeUnknown(doing, 'without a tree hash')
    if (answer.checksum.toLowerCase() === treeHash) return
    throw new AppError(
      'PART_CHECKSUM_MISMATCH',
      `${doing}: Glacier stored tree hash "${answer.checksum}", expected "${treeHash}"`,
    )
  }
}
