import { AppError } from '@firn/core'
import type { OpenJournal } from './journal.ts'
import { createRecordJournal } from './record-journal.ts'
import { createS3Bucket } from './s3-bucket.ts'
import { createS3Client } from './s3-client.ts'
import { createS3Files } from './s3-files.ts'
import { defaultLimits, type S3Limits } from './s3-limits.ts'
import { adviceFor, probeConditionalWrites } from './s3-probe.ts'
import { createReadiness } from './s3-readiness.ts'

/**
 * A journal in a bucket, laid out under the prefix as {@link createRecordJournal} says, so that it
 * and a directory can be copied to each other as they are. The bucket must be strongly consistent
 * and support conditional writes, as Amazon's are and do; one that ignores them is refused. ETags
 * are not looked at: what they say depends on encryption.
 *
 * @param limits for tests; those of {@link defaultLimits} otherwise.
 */
export async function openS3Journal(
  { bucket: name, prefix }: { readonly bucket: string; readonly prefix: string },
  signal: AbortSignal,
  limits: S3Limits = defaultLimits,
): Promise<OpenJournal> {
  await using resources = new AsyncDisposableStack()
  const client = await createS3Client(limits)
  resources.defer(() => client.destroy())
  const bucket = createS3Bucket(client, name, limits)
  const place = { prefix, limits }
  const probe = (deadline: AbortSignal) => probeConditionalWrites(bucket, place, deadline)
  try {
    await probe(signal)
  } catch (error) {
    if (signal.aborted) throw signal.reason
    const message = `Cannot open the journal s3://${name}/${prefix}${adviceFor(error)}`
    throw new AppError('JOURNAL_UNAVAILABLE', message, { cause: error })
  }
  const files = createS3Files(bucket, place)
  const owned = resources.move()
  return {
    ...createRecordJournal({ ...files, ping: createReadiness(probe, limits) }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
