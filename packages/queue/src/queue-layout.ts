import { type JobId, parseJobId } from '@firn/core'
import { z } from 'zod'
import type { JobRef } from './job-queues.ts'

/** `finalize` carries two kinds of jobs: those that complete an upload and those that abort it. */
export const queueNames = ['open', 'parts', 'finalize'] as const

export type QueueName = (typeof queueNames)[number]

/** One hash tag for all queues: a cluster keeps them in one slot, as BullMQ's scripts require. */
export const QUEUE_PREFIX = '{firn}'

/** Which part of which upload is due. `index` is 0-based. */
export interface PartJobRef extends JobRef {
  readonly index: number
}

const jobId = z.string().transform((text, context): JobId => {
  const id = parseJobId(text)
  if (id !== undefined) return id
  context.addIssue({ code: 'custom', message: 'not a job id' })
  return z.NEVER
})
const generation = z.int().positive()

export const jobRefSchema: z.ZodType<JobRef> = z.strictObject({ jobId, generation })

export const partJobRefSchema: z.ZodType<PartJobRef> = z.strictObject({
  jobId,
  generation,
  index: z.int().nonnegative(),
})

/** The id of a queue job: while it exists, adding it again does nothing. */
export function queueJobId(ref: JobRef, suffix?: number | 'abort'): string {
  const id = `${ref.jobId}.${ref.generation}`
  return suffix === undefined ? id : `${id}.${suffix}`
}
