import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { isMissing } from './s3-errors.ts'
import type { S3Limits } from './s3-limits.ts'
import { within } from './s3-tries.ts'

/** Under this metadata a put notes who it is, by which a lost answer is resolved. */
const PUT_ID = 'firn-put'

export interface StoredObject {
  readonly text: string
  /** Of the put that made it; undefined when it was copied without, by hand. */
  readonly putId: string | undefined
}

export interface NamesPage {
  readonly names: readonly string[]
  /** Undefined on the last page. */
  readonly next: string | undefined
}

/** The requests that a journal makes; each is one, ended by its deadline, whatever it answers. */
export interface S3Bucket {
  /** Rejects as {@link isTaken} tells when there is an object; never overwrites one. */
  readonly putNew: (
    key: string,
    object: { readonly text: string; readonly putId: string },
    signal: AbortSignal,
  ) => Promise<void>
  readonly put: (key: string, text: string, signal: AbortSignal) => Promise<void>
  readonly get: (key: string, signal: AbortSignal) => Promise<StoredObject | undefined>
  readonly delete: (key: string, signal: AbortSignal) => Promise<void>
  /** What lies directly in `folder`, which ends in a slash or is empty; not what lies deeper. */
  readonly list: (
    folder: string,
    after: string | undefined,
    signal: AbortSignal,
  ) => Promise<NamesPage>
}

export function createS3Bucket(client: S3Client, name: string, limits: S3Limits): S3Bucket {
  const Bucket = name
  const ContentType = 'application/json'
  const request = <T>(signal: AbortSignal, run: (deadline: AbortSignal) => Promise<T>) =>
    within(limits.requestMs, signal, run)
  return {
    async putNew(Key, { text, putId }, signal) {
      const Metadata = { [PUT_ID]: putId }
      const input = { Bucket, Key, Body: text, ContentType, IfNoneMatch: '*', Metadata }
      await request(signal, (abortSignal) =>
        client.send(new PutObjectCommand(input), { abortSignal }),
      )
    },
    async put(Key, text, signal) {
      const command = new PutObjectCommand({ Bucket, Key, Body: text, ContentType })
      await request(signal, (abortSignal) => client.send(command, { abortSignal }))
    },
    get: (Key, signal) =>
      request(signal, async (abortSignal) => {
        try {
          const command = new GetObjectCommand({ Bucket, Key })
          const { Body, Metadata } = await client.send(command, { abortSignal })
          const text = (await Body?.transformToString()) ?? ''
          return { text, putId: Metadata?.[PUT_ID] }
        } catch (error) {
          if (isMissing(error)) return undefined
          throw error
        }
      }),
    async delete(Key, signal) {
      const command = new DeleteObjectCommand({ Bucket, Key })
      await request(signal, (abortSignal) => client.send(command, { abortSignal }))
    },
    async list(folder, after, signal) {
      const command = new ListObjectsV2Command({
        ...{ Bucket, Prefix: folder, Delimiter: '/' },
        ...(after !== undefined && { ContinuationToken: after }),
      })
      const answer = await request(signal, (abortSignal) => client.send(command, { abortSignal }))
      const next = answer.IsTruncated ? answer.NextContinuationToken : undefined
      if (answer.IsTruncated && !next) throw new Error('The list goes on, and does not say where')
      const keys = (answer.Contents ?? []).map(({ Key = '' }) => Key)
      return { names: keys.map((key) => key.slice(folder.length)), next }
    },
  }
}
