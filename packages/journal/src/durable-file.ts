import { randomUUID } from 'node:crypto'
import { link, open, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createDirectoryMaker } from './directory-maker.ts'
import { createDirectorySync } from './directory-sync.ts'

const syncDirectory = createDirectorySync()

/** Creates `path` and what is missing above it; its entry is on stable storage after. */
export const makeDirectory = createDirectoryMaker(syncDirectory)

async function writeTemporary(path: string, text: string): Promise<string> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`)
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    // After a failed fsync the pages may be marked clean: this file is never trusted again.
    await unlink(temporary).catch(() => undefined)
    throw error
  } finally {
    await file.close()
  }
  return temporary
}

/** Replaces `path` as a whole: after a crash it holds the old text or the new, never a mixture. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = await writeTemporary(path, text)
  await rename(temporary, path)
  await syncDirectory(dirname(path))
}

/**
 * Writes `path` unless it exists. Returns false when it does. Either way the entry is on stable
 * storage: the writer that came first may have died before its own directory sync.
 */
export async function createFile(path: string, text: string): Promise<boolean> {
  const temporary = await writeTemporary(path, text)
  try {
    await link(temporary, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    await unlink(temporary)
    await syncDirectory(dirname(path))
  }
}

/** Writes a small file below `directory` and removes it: no promise, but it shows what is broken. */
export async function tryWriting(directory: string): Promise<void> {
  const temporary = join(directory, `.${randomUUID()}.tmp`)
  try {
    await writeFile(temporary, '.', { flag: 'wx', mode: 0o600 })
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Removes `path` if it is there, durably. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  await syncDirectory(dirname(path))
}
