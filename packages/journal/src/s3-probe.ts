import { randomUUID } from 'node:crypto'
import type { S3Bucket } from './s3-bucket.ts'
import { isTaken, statusOf } from './s3-errors.ts'
import type { S3Limits } from './s3-limits.ts'
import { tryAgain, within } from './s3-tries.ts'

const KEY = 'conditional-write-probe'
const TEXT = `${JSON.stringify({ note: 'Firn tries here whether the bucket refuses to overwrite.' })}\n`

/**
 * Tries whether the bucket can be written, and does not overwrite what it is told not to: many
 * servers take `If-None-Match: *` and ignore it, and two processes that put the same record would
 * both believe that theirs is the one. One request, or two where there was no journal before.
 */
export async function probeConditionalWrites(
  bucket: S3Bucket,
  { prefix, limits }: { readonly prefix: string; readonly limits: S3Limits },
  signal: AbortSignal,
): Promise<void> {
  const key = `${prefix}${KEY}`
  const isRefused = async (deadline: AbortSignal): Promise<boolean> => {
    try {
      await bucket.putNew(key, { text: TEXT, putId: randomUUID() }, deadline)
      return false
    } catch (error) {
      if (isTaken(error)) return true
      throw error
    }
  }
  await within(limits.totalMs, signal, async (deadline) => {
    const ask = () => tryAgain(limits, deadline, () => isRefused(deadline))
    // The first may have made the object; whatever it was, by the second there is one.
    if ((await ask()) || (await ask())) return
    throw new Error(
      `The server has overwritten ${key} although it was told not to ("If-None-Match: *"). Without that, two processes can both believe that their record is the first. Use Amazon S3, a server that supports conditional writes, or JOURNAL_URL=file:<directory>`,
    )
  })
}

/** What to do about a bucket that cannot be used, where its answer alone does not tell; or ''. */
export function adviceFor(error: unknown): string {
  const name = error instanceof Error ? error.name : ''
  if (name === 'NoSuchBucket') return ': there is no such bucket; Firn does not make one'
  if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
    return ': no usable AWS credentials were found in the environment or the AWS configuration'
  }
  if (error instanceof Error && error.message === 'Region is missing') {
    return ': no region is configured; set AWS_REGION'
  }
  const status = statusOf(error)
  if (status === 403) {
    return ': the credentials do not allow it; they need s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket'
  }
  if (status === 501 || (status === 400 && /Not|Invalid/.test(name))) {
    return ': the server does not understand a put with If-None-Match and a CRC32 checksum; without the checksum: AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED'
  }
  return ''
}
