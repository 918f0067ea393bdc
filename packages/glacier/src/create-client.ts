import { hash } from 'node:crypto'
import { GlacierClient } from '@aws-sdk/client-glacier'
import { invariant, treeHash } from '@firn/core'
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
 * part, and sends through our own handler. `factsOf` knows the body of every part.
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
      const { sha256, treeHash } = factsOf(body) ?? factsOfJson(body)
      return [sha256, treeHash]
    },
    // Without it a stream would go out chunked; Glacier wants its length.
    bodyLengthChecker: (body: unknown) => (factsOf(body) ?? factsOfJson(body)).sizeBytes,
  })
}

/** What else is sent: the parameters of a job, as short JSON. */
function factsOfJson(body: unknown): BodyFacts {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  invariant(bytes instanceof Uint8Array, 'a body that nobody hashed')
  const sizeBytes = bytes.length
  return { sha256: hash('sha256', bytes), treeHash: treeHash(bytes).toString('hex'), sizeBytes }
}
