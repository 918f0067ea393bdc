import { createCallGlacier, type OnRequest } from './call-glacier.ts'
import { type BodyFacts, createClient } from './create-client.ts'
import type { Glacier, GlacierPlace, Inventories, Vaults } from './glacier.ts'
import type { HttpLimits } from './http-handler.ts'
import { createInventoryCalls } from './inventory-calls.ts'
import { createListCalls } from './list-calls.ts'
import { createMultipartCalls } from './multipart-calls.ts'
import { createUploadPart } from './upload-part.ts'

export interface GlacierOptions extends Partial<HttpLimits> {
  /**
   * Deadline of a request without a body, 60,000 unless told otherwise. A part has a second for
   * each MiB on top.
   */
  readonly requestTimeoutMs?: number
  /**
   * Deadline of Complete, which may take Glacier minutes for an archive of terabytes, and of reading
   * an inventory of hundreds of thousands of rows: 15 minutes unless told otherwise.
   */
  readonly longTimeoutMs?: number
  readonly onRequest?: OnRequest
}

/** Suits AWS as well as a vault next door, and the parts that one process has in flight. */
const defaultLimits: HttpLimits = {
  connectTimeoutMs: 10_000,
  // A vault may be silent for long while the disk takes in a part of gigabytes.
  socketTimeoutMs: 300_000,
  maxSockets: 64,
}

/**
 * Glacier through the AWS SDK. Region, credentials and endpoint come from the SDK's own default
 * chain: AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_GLACIER and so on. Nothing is sent before the
 * first call. `maxSockets` must be at least the number of parts in flight: a request that waits
 * for a connection spends its deadline.
 */
export function createGlacier(
  options: GlacierOptions = {},
): Glacier & Vaults & Inventories & GlacierPlace & AsyncDisposable {
  const { requestTimeoutMs = 60_000, longTimeoutMs = 900_000, onRequest, ...limits } = options
  // By body, which the SDK hands on as it is: it has no parameter for a linear hash.
  const factsByBody = new WeakMap<object, BodyFacts>()
  const client = createClient({ ...defaultLimits, ...limits }, (body) =>
    typeof body === 'object' && body !== null ? factsByBody.get(body) : undefined,
  )
  const call = createCallGlacier(onRequest ?? (() => undefined))
  const calls = { client, call, requestTimeoutMs, longTimeoutMs }
  return {
    ...createMultipartCalls(calls),
    uploadPart: createUploadPart(calls, (body, facts) => factsByBody.set(body, facts)),
    ...createListCalls(calls),
    ...createInventoryCalls(calls),
    // Without one no request can be signed either, and each says so.
    region: () => client.config.region().catch(() => null),
    async [Symbol.asyncDispose]() {
      client.destroy()
    },
  }
}
