import { GlacierClient } from '@aws-sdk/client-glacier'
import type { VaultAccess } from './stack-options.ts'

/** Amazon's own client, pointed at the stack's vault. */
export function createGlacierClient(access: VaultAccess): GlacierClient {
  const { endpoint, region, accessKeyId, secretAccessKey } = access
  return new GlacierClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
  })
}
