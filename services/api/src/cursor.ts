import { hash } from 'node:crypto'
import { RequestError } from './request-error.ts'

/** Which list a cursor continues. */
export type CursorKind = 'jobs' | 'parts' | 'vaults' | 'workers' | 'uploads' | 'archives' | 'retry'

const CHECK_CHARS = 8

/**
 * Wraps a position in a list, so that clients treat it as opaque and a cursor that was cut short,
 * mistyped or made for another list is refused instead of silently starting somewhere.
 */
export function encodeCursor(kind: CursorKind, position: string): string {
  return `${check(kind, position)}${Buffer.from(position).toString('base64url')}`
}

/** @throws RequestError PARAMETER_INVALID when {@link encodeCursor} did not make it for this list. */
export function decodeCursor(kind: CursorKind, cursor: string | undefined): string | null {
  if (cursor === undefined) return null
  const position = Buffer.from(cursor.slice(CHECK_CHARS), 'base64url').toString()
  if (encodeCursor(kind, position) === cursor) return position
  throw new RequestError('PARAMETER_INVALID', 'A query parameter is not valid', {
    extras: { errors: [{ path: 'cursor', message: 'is not a cursor of this list' }] },
  })
}

function check(kind: CursorKind, position: string): string {
  return hash('sha256', `${kind} ${position}`, 'base64url').slice(0, CHECK_CHARS)
}
