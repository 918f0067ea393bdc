import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { notAllowed, openError, systemCode } from './source-errors.ts'

/** The directories that files may be read from. */
export interface AllowedRoots {
  /**
   * The path with every directory on the way resolved; the last component is as it was. Rejects
   * with SOURCE_NOT_ALLOWED when the file would lie outside, whether or not it exists, and with
   * SOURCE_NOT_FOUND when a directory inside is missing.
   */
  readonly resolvePath: (path: string) => Promise<string>
  /** Whether an absolute path without symbolic links lies inside. */
  readonly contains: (realPath: string) => Promise<boolean>
}

/** Made by the kernel on the spot: sizes lie, reads have effects, contents are secrets. */
const KERNEL_TREES = ['/proc', '/sys', '/dev'] as const
const SHARED_MEMORY = '/dev/shm'

export function createAllowedRoots(roots: readonly string[]): AllowedRoots {
  const named = roots.map((root) => resolve(root))
  let realRoots: readonly string[] = []

  async function contains(realPath: string): Promise<boolean> {
    if (isKernels(realPath)) return false
    if (realRoots.some((root) => isInside(root, realPath))) return true
    // A root may have been mounted, or its link turned, since they were last resolved.
    realRoots = await resolveRoots(named)
    return realRoots.some((root) => isInside(root, realPath))
  }

  return {
    contains,
    async resolvePath(path) {
      if (!isAbsolute(path) || path.includes('\0')) throw notAllowed(path)
      const normal = resolve(path)
      const isNamed = named.some((root) => isInside(root, normal))
      if (!isNamed && !(await contains(normal))) throw notAllowed(path)
      const { real, missing } = await deepestDirectory(path, dirname(normal))
      const realPath = join(real, basename(normal))
      if (!(await contains(realPath))) throw notAllowed(path)
      if (missing !== undefined) throw openError(path, missing)
      return realPath
    },
  }
}

async function resolveRoots(named: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(named.map((root) => realpath(root).catch(() => undefined)))
  return found.filter((root) => root !== undefined)
}

/**
 * Resolves a directory, or the deepest part of it that is there, so that where it leads is judged
 * before whether it exists.
 */
async function deepestDirectory(
  path: string,
  directory: string,
): Promise<{ readonly real: string; readonly missing?: unknown }> {
  try {
    return { real: await realpath(directory) }
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES') throw openError(path, error)
    // A link that leads nowhere may lead nowhere outside.
    const itself = await lstat(directory).catch(() => undefined)
    if (itself?.isSymbolicLink()) throw notAllowed(path)
    const above = dirname(directory)
    if (above === directory) throw openError(path, error)
    return { ...(await deepestDirectory(path, above)), missing: error }
  }
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function isKernels(path: string): boolean {
  if (path.startsWith(`${SHARED_MEMORY}/`)) return false
  return KERNEL_TREES.some((tree) => path === tree || path.startsWith(`${tree}/`))
}
