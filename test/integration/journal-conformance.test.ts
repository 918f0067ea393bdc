import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { createMemoryJournal, openDirectoryJournal, openJournal } from '@firn/journal'
import { describeJournal, startS3 } from '@firn/testing'

const { signal } = new AbortController()

describeJournal('memory', (test) => test(createMemoryJournal()))

describeJournal('directory', async (test) => {
  const directory = await mkdtemp(join(tmpdir(), 'firn-journal-'))
  try {
    await test(await openDirectoryJournal({ directory }))
  } finally {
    await rm(directory, { recursive: true })
  }
})

describeJournal('S3, the stand-in', async (test) => {
  // Pages so small that every list has several.
  await using s3 = await startS3({ pageMax: 3 })
  Object.assign(process.env, s3.env)
  await using journal = await openJournal(`s3://${s3.bucket}/some/prefix`, signal)
  await test(journal)
})

describeJournal('S3, at the root of its bucket, by name rather than address', async (test) => {
  await using s3 = await startS3()
  const AWS_ENDPOINT_URL_S3 = s3.url.replace('127.0.0.1', 'localhost')
  Object.assign(process.env, s3.env, { AWS_ENDPOINT_URL_S3 })
  await using journal = await openJournal(`s3://${s3.bucket}`, signal)
  await test(journal)
})

/**
 * Any other server, as docs/operations.md says: S3_TEST_ENDPOINT is its URL, and the next two are
 * its keys unless it takes any.
 */
const { S3_TEST_ENDPOINT, S3_TEST_ACCESS_KEY_ID, S3_TEST_SECRET_ACCESS_KEY } = process.env
if (S3_TEST_ENDPOINT !== undefined) {
  describeJournal(`S3, ${S3_TEST_ENDPOINT}`, async (test) => {
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_S3: S3_TEST_ENDPOINT,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: S3_TEST_ACCESS_KEY_ID ?? 'test',
      AWS_SECRET_ACCESS_KEY: S3_TEST_SECRET_ACCESS_KEY ?? 'test',
    })
    const bucket = `firn-${randomUUID()}`
    const client = new S3Client({ forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
    client.destroy()
    await using journal = await openJournal(`s3://${bucket}/journal`, signal)
    await test(journal)
  })
}
