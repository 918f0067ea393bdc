import type { FileHandle } from 'node:fs/promises'
import type { SourcePin } from '@firn/core'
import { closeQuietly } from './open-regular-file.ts'

/** A file that is open until every loan of it has been disposed of. */
export interface FileLoan extends AsyncDisposable {
  readonly handle: FileHandle
  /** It cannot be read: nobody else is to get it. A disk or a mount may be back under its name. */
  readonly discard: () => void
}

export interface OpenFiles {
  /** The file at `path`, opened for those who read that version of it. */
  readonly borrow: (path: string, pin: SourcePin) => Promise<FileLoan>
}

interface Entry {
  readonly opening: Promise<FileHandle>
  readonly openedAtMs: number
  users: number
  closing: NodeJS.Timeout | undefined
}

export interface OpenFilesOptions {
  readonly open: (path: string) => Promise<FileHandle>
  /** How long a file stays open for the next part of its job. */
  readonly idleMs: number
  /** A network file system looks for changes made elsewhere when a file is opened. */
  readonly ageMaxMs: number
}

/**
 * Shares open files between the parts of a job: finding a file safely costs half a dozen system
 * calls on other threads, more than hashing a small part. Who asks for another version never gets
 * a file opened for this one.
 */
export function createOpenFiles({ open, idleMs, ageMaxMs }: OpenFilesOptions): OpenFiles {
  const entries = new Map<string, Entry>()

  function enter(key: string, path: string): Entry {
    const entry: Entry = {
      opening: open(path),
      openedAtMs: performance.now(),
      users: 0,
      closing: undefined,
    }
    // Who borrows it may be waiting for something else first, and hears of it afterwards.
    entry.opening.catch(() => undefined)
    entries.set(key, entry)
    return entry
  }

  function isUsable(entry: Entry): boolean {
    return performance.now() - entry.openedAtMs < ageMaxMs
  }

  async function retire(key: string, entry: Entry): Promise<void> {
    clearTimeout(entry.closing)
    if (entries.get(key) === entry) entries.delete(key)
    await closeQuietly(await entry.opening)
  }

  async function giveBack(key: string, entry: Entry): Promise<void> {
    entry.users--
    if (entry.users > 0) return
    if (entries.get(key) !== entry || !isUsable(entry)) return await retire(key, entry)
    entry.closing = setTimeout(() => void retire(key, entry), idleMs)
    entry.closing.unref()
  }

  return {
    async borrow(path, pin) {
      const key = JSON.stringify([path, pin.inode, pin.sizeBytes, pin.mtimeNs, pin.ctimeNs])
      const known = entries.get(key)
      const entry = known && isUsable(known) ? known : enter(key, path)
      clearTimeout(entry.closing)
      entry.users++
      try {
        // The one that was replaced and is idle has nobody left to close it.
        if (known && known !== entry && known.users === 0) await retire(key, known)
        const handle = await entry.opening
        let isLent = true
        return {
          handle,
          discard() {
            if (entries.get(key) === entry) entries.delete(key)
          },
          async [Symbol.asyncDispose]() {
            if (!isLent) return
            isLent = false
            await giveBack(key, entry)
          },
        }
      } catch (error) {
        if (entries.get(key) === entry) entries.delete(key)
        throw error
      }
    },
  }
}
