import { AppError, type JobDefinition } from '@firn/core'
import type { OpenJournal } from '@firn/journal'
import { type S3Server, startS3 } from '@firn/testing'
import { openS3Journal } from '../../packages/journal/src/s3-journal.ts'
import { defaultLimits, type S3Limits } from '../../packages/journal/src/s3-limits.ts'

export const { signal: never } = new AbortController()
export const PREFIX = 'firn/'
/** Long enough for a request on a busy machine, short enough to wait for one that hangs. */
export const IMPATIENT = { requestMs: 2000 }

export interface S3World extends AsyncDisposable {
  readonly s3: S3Server
  /** One more journal over the same bucket, as another process would have it. */
  readonly open: (limits?: Partial<S3Limits>) => Promise<OpenJournal>
}

/** A bucket whose journals are closed with it. The environment leads to the newest one. */
export async function openS3World(options: Parameters<typeof startS3>[0] = {}): Promise<S3World> {
  const s3 = await startS3(options)
  Object.assign(process.env, s3.env)
  const journals = new AsyncDisposableStack()
  return {
    s3,
    async open(limits = {}) {
      const place = { bucket: s3.bucket, prefix: PREFIX }
      return journals.use(await openS3Journal(place, never, { ...defaultLimits, ...limits }))
    },
    async [Symbol.asyncDispose]() {
      await journals.disposeAsync()
      await s3[Symbol.asyncDispose]()
    },
  }
}

export function keyOf({ id }: Pick<JobDefinition, 'id'>): string {
  return `${PREFIX}${id.slice(-1)}/${id}.json`
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'JOURNAL_UNAVAILABLE'
}

/** As `PUT 3/….json`; without the probe that an opening makes. */
export function requestLines({ requests }: S3Server): readonly string[] {
  return requests
    .filter(({ key }) => !key.endsWith('conditional-write-probe'))
    .map(({ operation, key, query }) => `${operation} ${key || query.get('prefix')}`)
}
