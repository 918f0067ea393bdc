import { AppError } from '@firn/core'
import type { OpenJournal } from './journal.ts'
import { createRecordJournal } from './record-journal.ts'
import { createS3Bucket } from './s3-bucket.ts'
import { createS3Client } from './s3-client.ts'
import { regionOf } from './s3-errors.ts'
import { createS3Files } from './s3-files.ts'
import { defaultLimits, type S3Limits } from './s3-limits.ts'
import { adviceFor, probeConditionalWrites } from './s3-probe.ts'
import { createReadiness } from './s3-readiness.ts'

interface S3Place {
  readonly bucket: string
  /** '', or a path that ends in a slash. */
  readonly prefix: string
}

/**
 * A journal in a bucket, laid out under the prefix as {@link createRecordJournal} says, so that it
 * and a directory can be copied to each other as they are. The bucket must be strongly consistent
 * and support conditional writes, as Amazon's are and do; one that ignores them is refused. ETags
 * are not looked at: what they say depends on encryption.
 *
 * @param limits for tests; those of {@link defaultLimits} otherwise.
 */
export async function openS3Journal(
  place: S3Place,
  signal: AbortSignal,
  limits: S3Limits = defaultLimits,
): Promise<OpenJournal> {
  try {
    return await open(place, limits, signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    const message = `Cannot open the journal s3://${place.bucket}/${place.prefix}`
    throw new AppError('JOURNAL_UNAVAILABLE', message + adviceFor(error), { cause: error })
  }
}

async function open(
  place: S3Place,
  limits: S3Limits,
  signal: AbortSignal,
  region?: string,
): Promise<OpenJournal> {
  await using resources = new AsyncDisposableStack()
  const client = await createS3Client(limits, region)
  resources.defer(() => client.destroy())
  const bucket = createS3Bucket(client, place.bucket, limits)
  const below = { prefix: place.prefix, limits }
  const probe = (deadline: AbortSignal) => probeConditionalWrites(bucket, below, deadline)
  try {
    await probe(signal)
  } catch (error) {
    const elsewhere = region === undefined ? regionOf(error) : undefined
    if (elsewhere === undefined) throw error
    // The bucket may lie in another region than the vaults.
    return await open(place, limits, signal, elsewhere)
  }
  const files = { ...createS3Files(bucket, below), ping: createReadiness(probe, limits) }
  const owned = resources.move()
  return {
    ...createRecordJournal(files),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
