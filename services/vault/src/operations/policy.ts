import { z } from 'zod'
import { invalidParameter } from '../glacier-error.ts'
import type { Call } from '../http/call.ts'
import { parseJsonBody } from './json-body.ts'

const POLICY_MAX_BYTES = 20 * 1024

const PolicyBody = z.looseObject({ Policy: z.string() })

/** `{"Policy": "<a JSON object in a string>"}`: kept as it was written, and not enforced. */
export function parsePolicy(call: Call): string {
  const policy = parseJsonBody(call, PolicyBody).Policy
  if (Buffer.byteLength(policy) > POLICY_MAX_BYTES) {
    throw invalidParameter(`Invalid policy: it is longer than ${POLICY_MAX_BYTES} bytes`)
  }
  if (!isObject(policy)) throw invalidParameter('Invalid policy: it is not a JSON object')
  return policy
}

function isObject(text: string): boolean {
  try {
    return z.looseObject({}).safeParse(JSON.parse(text)).success
  } catch {
    return false
  }
}
