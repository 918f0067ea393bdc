import type { z } from 'zod'
import { GlacierError, invalidParameter } from '../glacier-error.ts'
import type { Call } from '../http/call.ts'

/** The body as JSON, whatever its content type says: clients send several. */
export function parseJsonBody<Output>(call: Call, schema: z.ZodType<Output>): Output {
  const result = schema.safeParse(parseJson(call.body))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw invalidParameter(`Invalid ${issue?.path.join('.') || 'body'}: ${issue?.message}`)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new GlacierError('SerializationException', 'The body is not well-formed JSON.', {
      cause: error,
    })
  }
}
