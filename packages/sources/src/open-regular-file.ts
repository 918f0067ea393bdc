import { constants } from 'node:fs'
import { type FileHandle, lstat, open, readlink, realpath, stat } from 'node:fs/promises'
import { AppError, type SourcePin } from '@firn/core'
import { pinFromStats } from '@firn/hashing'
import type { AllowedRoots } from './allowed-roots.ts'
import { notAllowed, notRegular, openError, systemCode } from './source-errors.ts'

// O_NONBLOCK: opening a FIFO or a device must not wait for its other end. Windows has neither flag.
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/**
 * Opens a regular file inside the roots. Who swaps a directory or the file for a link meanwhile
 * gains nothing: what counts is where the opened file lies, asked of the kernel by descriptor.
 *
 * @throws AppError SOURCE_NOT_ALLOWED, SOURCE_NOT_FOUND, SOURCE_NOT_REGULAR, SOURCE_UNREADABLE.
 */
export async function openRegularFile(path: string, roots: AllowedRoots): Promise<FileHandle> {
  const realPath = await roots.resolvePath(path)
  const handle = await openAt(path, realPath)
  try {
    if (!(await handle.stat()).isFile()) throw notRegular(path)
    if (!(await roots.contains(await whereIs(path, realPath, handle)))) throw notAllowed(path)
    return handle
  } catch (error) {
    await closeQuietly(handle)
    throw error instanceof AppError ? error : openError(path, error)
  }
}

async function openAt(path: string, realPath: string): Promise<FileHandle> {
  try {
    // Not for safety, which the open file gives, but so as not to touch a device or FIFO at all.
    const seen = await lstat(realPath)
    if (seen.isSymbolicLink()) throw notAllowed(path)
    if (!seen.isFile()) throw notRegular(path)
    return await open(realPath, FLAGS)
  } catch (error) {
    throw error instanceof AppError ? error : openError(path, error)
  }
}

/** Where the opened file lies. Without Linux's /proc: where its name leads, if it is that file. */
async function whereIs(path: string, realPath: string, handle: FileHandle): Promise<string> {
  try {
    return await readlink(`/proc/self/fd/${handle.fd}`)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error
  }
  const [resolved, opened] = await Promise.all([realpath(realPath), handle.stat()])
  const named = await stat(resolved)
  if (named.dev !== opened.dev || named.ino !== opened.ino) throw notAllowed(path)
  return resolved
}

/** A file that was only read loses nothing when it cannot be closed, as on a mount that is gone. */
export async function closeQuietly(handle: FileHandle): Promise<void> {
  await handle.close().catch(() => undefined)
}

/** The version of an open file. */
export async function pinOf(path: string, handle: FileHandle): Promise<SourcePin> {
  try {
    return pinFromStats(await handle.stat({ bigint: true }))
  } catch (error) {
    throw openError(path, error)
  }
}
