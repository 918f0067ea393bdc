import type { GlacierClient } from '@aws-sdk/client-glacier'
import { AppError } from '@firn/core'
import type { CallGlacier } from './call-glacier.ts'

/** What every call needs. */
export interface Calls {
  readonly client: GlacierClient
  readonly call: CallGlacier
  /** For a request without a body. */
  readonly requestTimeoutMs: number
  /** For what Glacier takes long for. */
  readonly longTimeoutMs: number
}

/** The account whose credentials sign the request. */
export const accountId = '-'

/** For a success that does not say what a success has to say. */
export function outcomeUnknown(doing: string, how: string): AppError {
  return new AppError('OUTCOME_UNKNOWN', `${doing}: Glacier answered ${how}`)
}
