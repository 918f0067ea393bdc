import { AppError } from '@firn/core'
import { z } from 'zod'
import type { JobRef, RunContext } from './job-queues.ts'
import { jobRefSchema, type PartJobRef, partJobRefSchema } from './queue-layout.ts'

/**
 * Makes one run of a job. Runs come at least once: twice, late, or in two processes. What it
 * throws decides what happens next, by `AppError.disposition`; anything else is retried.
 */
export type Handler<Ref> = (ref: Ref, context: RunContext) => Promise<void>

/** The queue to consume, with a handler for each kind of job in it. */
export type ConsumerHandlers =
  | { readonly queue: 'open'; readonly open: Handler<JobRef> }
  | { readonly queue: 'parts'; readonly part: Handler<PartJobRef> }
  | {
      readonly queue: 'finalize'
      readonly finalize: Handler<JobRef>
      readonly abort: Handler<JobRef>
    }

/** A handler that reads its payload itself. Rejects with `JOB_MALFORMED` for one it cannot read. */
export type Runner = (data: unknown, context: RunContext) => Promise<void>

/** The runner for jobs called `name`; jobs of another Firn version may have a name we do not know. */
export function runnerFor(handlers: ConsumerHandlers, name: string): Runner {
  switch (handlers.queue) {
    case 'open':
      if (name === 'open') return runner(jobRefSchema, handlers.open)
      break
    case 'parts':
      if (name === 'part') return runner(partJobRefSchema, handlers.part)
      break
    case 'finalize':
      if (name === 'finalize') return runner(jobRefSchema, handlers.finalize)
      if (name === 'abort') return runner(jobRefSchema, handlers.abort)
      break
  }
  return () =>
    Promise.reject(new AppError('JOB_MALFORMED', `No handler for a job called "${name}"`))
}

/** The job that a payload is about. Throws `JOB_MALFORMED` for one that it cannot read. */
export function parseJobRef(data: unknown): JobRef {
  const { jobId, generation } = parse(z.union([jobRefSchema, partJobRefSchema]), data)
  return { jobId, generation }
}

function runner<Ref>(schema: z.ZodType<Ref>, handler: Handler<Ref>): Runner {
  return async (data, context) => handler(parse(schema, data), context)
}

function parse<T>(schema: z.ZodType<T>, data: unknown): T {
  const parsed = schema.safeParse(data)
  if (parsed.success) return parsed.data
  throw new AppError('JOB_MALFORMED', 'Cannot read the payload of a queue job', {
    cause: parsed.error,
  })
}
