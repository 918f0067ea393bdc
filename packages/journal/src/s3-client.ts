import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { S3Limits } from './s3-limits.ts'

const silent = () => undefined
const logger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }

/**
 * Amazon's client, which signs, sends once and parses. Region, credentials, endpoint and checksums
 * are as the SDK's own settings say (AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL_S3 and so on). A body
 * is signed with its SHA-256, whatever checksum goes with it.
 *
 * @param region instead of the configured one. The SDK's own redirects change the region of a client
 * while other requests are being signed, and so are off.
 */
export async function createS3Client(limits: S3Limits, region?: string): Promise<S3Client> {
  const { connectMs, requestMs, maxSockets } = limits
  const agent = { keepAlive: true, maxSockets }
  const config: S3ClientConfig = {
    maxAttempts: 1,
    ...(region !== undefined && { region }),
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
      socketTimeout: requestMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
    logger,
  }
  const client = new S3Client(config)
  const configured: Promise<string | undefined> | undefined =
    client.config.serviceConfiguredEndpoint?.()
  const elsewhere = await configured
  if (elsewhere === undefined || elsewhere === '') return client
  client.destroy()
  // Few servers but Amazon's have a host name for each bucket.
  return new S3Client({ ...config, forcePathStyle: true })
}
