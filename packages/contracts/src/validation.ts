import type { z } from 'zod'

export interface InputError {
  /** JSON Pointer into the body, RFC 6901; '' is the whole of it. */
  readonly path: string
  readonly message: string
}

/** Enough to mend a request by; a body of a thousand wrong keys does not get a thousand answers. */
const ERRORS_MAX = 20

/** The issues of a failed parse as pointers and sentences; unknown keys each under their own. */
export function inputErrors(error: z.ZodError): InputError[] {
  return error.issues.flatMap(issueToErrors).slice(0, ERRORS_MAX)
}

/** Keys that the design has and Firn does not do yet, by pointer. */
const notYet: ReadonlyMap<string, string> = new Map([
  ['/webhook', 'webhooks are not supported yet'],
])

function issueToErrors(issue: z.core.$ZodIssue): InputError[] {
  const at = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, ERRORS_MAX).map((key) => {
      const path = jsonPointer([...at, key])
      return { path, message: notYet.get(path) ?? 'is not a known key' }
    })
  }
  return [{ path: jsonPointer(at), message: sentence(issue) }]
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => inner.message).join('; ')
  if (issue.message.endsWith('received undefined')) return 'is required'
  return issue.message
}

function jsonPointer(path: readonly string[]): string {
  return path
    .map((name) => `/${name.slice(0, 80).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('')
}
