import { AppError } from '@firn/core'

/** The kernel's code of a failed system call, or '' for any other failure. */
export function systemCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/**
 * Outside the allowed directories. Says the same whatever is there, so that nobody can find out
 * by asking what exists outside.
 */
export function notAllowed(path: string): AppError {
  return new AppError(
    'SOURCE_NOT_ALLOWED',
    `Cannot read ${JSON.stringify(path)}: it is not a path within the directories that SOURCE_ROOTS allows; ` +
      'symbolic links that lead out of them, or to the file itself, are not followed',
  )
}

export function notRegular(path: string): AppError {
  return new AppError(
    'SOURCE_NOT_REGULAR',
    `Cannot read ${JSON.stringify(path)}: it is not a regular file`,
  )
}

/** What went wrong with a path inside the allowed directories. */
export function openError(path: string, error: unknown): AppError {
  const code = systemCode(error)
  const name = JSON.stringify(path)
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EACCES':
    case 'EPERM':
    case 'ENAMETOOLONG':
      return new AppError(
        'SOURCE_NOT_FOUND',
        `Cannot read ${name}: check that it exists where the worker runs, and that the worker's user may read it (${code})`,
        { cause: error },
      )
    case 'ELOOP':
      return notAllowed(path)
    case 'ENXIO':
      return notRegular(path)
    default:
      return new AppError('SOURCE_UNREADABLE', `Cannot read ${name}: ${code || 'unknown error'}`, {
        cause: error,
      })
  }
}
