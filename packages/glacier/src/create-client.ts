import { GlacierClient } from '@aws-sdk/client-glacier'
import { invariant } from '@firn/core'
import { createHttpHandler, type HttpLimits } from './http-handler.ts'

/** What is known of a body before it is sent. */
export interface BodyFacts {
  /** Lower-case hex. */
  readonly sha256: string
  /** Lower-case hex. */
  readonly treeHash: string
  readonly sizeBytes: number
}

/** `logger` of its own: the SDK's default lets one warning about streams through to the console. */
const silent = () => undefined
const logger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }

/**
 * The SDK's client, which signs and parses and does nothing else: it never retries, never hashes a
 * body, and sends through our own handler. `factsOf` knows every body that is sent.
 */
export function createClient(
  limits: HttpLimits,
  factsOf: (body: unknown) => BodyFacts | undefined,
): GlacierClient {
  return new GlacierClient({
    maxAttempts: 1,
    logger,
    requestHandler: createHttpHandler(limits),
    bodyChecksumGenerator: async ({ body }) => {
      const facts = factsOf(body)
      invariant(facts, 'a body that nobody hashed')
      return [facts.sha256, facts.treeHash]
    },
    // Without it a stream would go out chunked; Glacier wants its length.
    bodyLengthChecker: (body: unknown) => factsOf(body)?.sizeBytes,
  })
}
