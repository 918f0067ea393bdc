import { GlacierError, invalidParameter } from '../glacier-error.ts'
import type { Intake, ReceivedBody } from '../hashing/intake.ts'
import { type Call, requiredHeader, requiredTreeHash } from '../http/call.ts'
import type { VaultStore } from '../storage/vault-store.ts'

/**
 * Receives an upload's body into a file at `path`, synced. Throws, and keeps nothing, unless the
 * body has the size and both hashes that the request claims.
 */
export async function receiveBody(
  intake: Intake,
  call: Call,
  input: { readonly path: string; readonly sizeBytes: number },
): Promise<ReceivedBody> {
  const sha256 = requiredHeader(call, 'x-amz-content-sha256').toLowerCase()
  const treeHash = requiredTreeHash(call)
  let refusal: GlacierError | undefined
  const result = await intake.receive(call.openBody(), {
    path: input.path,
    sizeMaxBytes: input.sizeBytes,
    isWanted(body) {
      refusal = judge(body, { sha256, treeHash, sizeBytes: input.sizeBytes })
      return refusal === undefined
    },
  })
  if (refusal !== undefined) throw refusal
  switch (result.kind) {
    case 'received':
      return result.body
    case 'too-long':
      throw invalidParameter(`The body is longer than the ${input.sizeBytes} bytes announced`)
    case 'stalled':
    case 'cut':
      throw new GlacierError('RequestTimeoutException', 'Request timed out.')
  }
}

/** For a body that was received and then could not be stored. */
export async function discardAndThrow(
  store: Pick<VaultStore, 'discard'>,
  tempPath: string,
  error: unknown,
): Promise<never> {
  await store.discard(tempPath)
  throw error
}

function judge(
  body: ReceivedBody,
  claim: { readonly sha256: string; readonly treeHash: string; readonly sizeBytes: number },
): GlacierError | undefined {
  if (body.sha256 !== claim.sha256) return contentHashMismatch(body.sha256, claim.sha256)
  if (body.sizeBytes !== claim.sizeBytes) {
    return invalidParameter(
      `The body has ${body.sizeBytes} bytes, but ${claim.sizeBytes} were announced`,
    )
  }
  if (body.treeHash !== claim.treeHash) {
    return invalidParameter(
      `Checksum mismatch: expected ${claim.treeHash}, computed ${body.treeHash}`,
    )
  }
  return undefined
}

/** A wrong linear hash counts as a wrong signature, which covers it; a wrong tree hash does not. */
export function contentHashMismatch(computed: string, expected: string): GlacierError {
  return new GlacierError(
    'InvalidSignatureException',
    'The value passed in as x-amz-content-sha256 does not match the computed payload hash. ' +
      `Computed digest: ${computed} expected hash: ${expected}`,
  )
}
