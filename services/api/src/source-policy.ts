import { isAbsolute, normalize } from 'node:path'
import type { Source } from '@firn/core'
import { RequestError } from './request-error.ts'

/**
 * Refuses at once a path that does not even read as lying under a root. Symbolic links and the
 * file itself are the worker's to check, when it opens the file: what is true now may not be then.
 */
export function checkSourceAllowed(source: Source, roots: readonly string[]): void {
  const path = normalize(source.path)
  if (isAbsolute(source.path) && roots.some((root) => isUnder(path, root))) return
  const detail =
    roots.length === 0
      ? 'No file may be archived: SOURCE_ROOTS is not set'
      : `The source's path must be absolute and lie under one of: ${roots.join(', ')}`
  throw new RequestError('SOURCE_NOT_ALLOWED', detail, {
    extras: { errors: [{ path: '/source/path', message: 'is not under an allowed directory' }] },
  })
}

function isUnder(path: string, root: string): boolean {
  return path.startsWith(root.endsWith('/') ? root : `${root}/`)
}
