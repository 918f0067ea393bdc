import { z } from 'zod'
import { errorKinds, type GlacierErrorCode } from '../glacier-error.ts'
import { isOperation } from '../http/routes.ts'

const DAY_MS = 24 * 60 * 60_000

function isErrorCode(text: string): text is GlacierErrorCode {
  return Object.hasOwn(errorKinds, text)
}

/** Which requests a rule is for. */
const selection = {
  /** One of the 33, or `*`. */
  operation: z.string().refine((name) => name === '*' || isOperation(name), 'not an operation'),
  /** Lets this many matching requests pass first. */
  skip: z.number().int().min(0).default(0),
  /** Applies to this many requests, then never again. */
  count: z.number().int().min(1).optional(),
  /** Applies to a request with this chance. */
  probability: z.number().min(0).max(1).default(1),
}

/** What is done to them. */
const FaultRule = z.discriminatedUnion('action', [
  /** Answers with an error of Glacier's, or with any status and body, as a broken proxy would. */
  z.strictObject({
    ...selection,
    action: z.literal('error'),
    code: z.string().refine(isErrorCode, 'not an error code of Glacier').optional(),
    message: z.string().optional(),
    status: z.number().int().min(200).max(599).optional(),
    body: z.string().optional(),
    contentType: z.string().optional(),
  }),
  /** A ThrottlingException: status 400. */
  z.strictObject({ ...selection, action: z.literal('throttle') }),
  /** Waits, then goes on as usual. */
  z.strictObject({
    ...selection,
    action: z.literal('latency'),
    delayMs: z.number().int().min(0).max(DAY_MS),
  }),
  /** Resets the connection: at once, or after some bytes of the body. Nothing is done. */
  z.strictObject({
    ...selection,
    action: z.literal('reset'),
    afterBytes: z.number().int().min(0).optional(),
  }),
  /** Never answers. With `afterCommit`, does what was asked first. */
  z.strictObject({
    ...selection,
    action: z.literal('hang'),
    afterCommit: z.boolean().default(false),
  }),
  /** Does what was asked, then resets the connection in place of the answer. */
  z.strictObject({ ...selection, action: z.literal('commit-then-reset') }),
  /** Flips a bit of a job's output, at this byte. */
  z.strictObject({
    ...selection,
    action: z.literal('corrupt'),
    atByte: z.number().int().min(0).default(0),
  }),
  /** Leaves a header out of the answer. */
  z.strictObject({ ...selection, action: z.literal('drop-header'), header: z.string().min(1) }),
])

export const FaultRules = z.strictObject({ rules: z.array(FaultRule).max(100) })

export type FaultRule = Readonly<z.infer<typeof FaultRule>>
