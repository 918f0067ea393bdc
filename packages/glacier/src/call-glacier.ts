import type { ErrorCode } from '@firn/core'
import { type Attempt, classifyError } from './classify-error.ts'

/** The operations in use, named as Glacier names them: a small, closed set of labels. */
export type GlacierOperation =
  | 'InitiateMultipartUpload'
  | 'UploadMultipartPart'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts'
  | 'ListMultipartUploads'
  | 'CreateVault'
  | 'ListVaults'
  | 'DescribeVault'
  | 'InitiateJob'
  | 'DescribeJob'
  | 'GetJobOutput'

/** How one request ended; `seconds` from before it was signed until its answer was read. */
export interface RequestReport {
  readonly operation: GlacierOperation
  /** Null when the request concerns no single vault. */
  readonly vault: string | null
  readonly outcome: 'ok' | 'aborted' | ErrorCode
  readonly seconds: number
}

/** Told about every request, once, at its end. Must not throw. */
export type OnRequest = (report: RequestReport) => void

export interface Request extends Attempt {
  readonly operation: GlacierOperation
  readonly vault: string | null
  /** For the whole exchange, waiting for a connection included. */
  readonly timeoutMs: number
}

export interface SendOptions {
  readonly abortSignal: AbortSignal
  readonly requestTimeout: number
}

/** Sends one request, classifies its failure and reports its end. */
export type CallGlacier = <Answer>(
  request: Request,
  signal: AbortSignal,
  send: (options: SendOptions) => Promise<Answer>,
) => Promise<Answer>

/** Every request goes through here. An abort rejects with the signal's reason. */
export function createCallGlacier(onRequest: OnRequest): CallGlacier {
  return async (request, signal, send) => {
    signal.throwIfAborted()
    const { operation, vault } = request
    const startMs = performance.now()
    const report = (outcome: RequestReport['outcome']) =>
      onRequest({ operation, vault, outcome, seconds: (performance.now() - startMs) / 1000 })
    try {
      const answer = await send({ abortSignal: signal, requestTimeout: request.timeoutMs })
      report('ok')
      return answer
    } catch (error) {
      if (signal.aborted) {
        report('aborted')
        throw signal.reason
      }
      const classified = classifyError(error, request)
      report(classified.code)
      throw classified
    }
  }
}
