import { AppError } from '@firn/core'

/** A process that cannot see something may be the only one: others get this many tries first. */
const BLIND_ATTEMPTS = 5

/**
 * What a process also says when only it is set up wrong (without the mount, with other roots, in
 * another region), or when Glacier errs for a moment.
 */
const blindness: ReadonlySet<string> = new Set([
  'SOURCE_NOT_FOUND',
  'SOURCE_NOT_ALLOWED',
  'GLACIER_VAULT_NOT_FOUND',
])

/**
 * The failure of a job whose upload is open, so that all it needs was there once: for the first
 * tries what may be blindness is worth another one.
 */
export function unlessBlind(reason: AppError, attempt: number): AppError {
  if (!blindness.has(reason.code) || attempt >= BLIND_ATTEMPTS) return reason
  const message = `Not seen from here: ${reason.message}`
  return new AppError('SOURCE_UNREADABLE', message, { cause: reason })
}
