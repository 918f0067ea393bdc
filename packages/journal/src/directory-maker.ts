import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Directories that are remembered as synced: about 1 MB. Of others, one sync more is the price. */
const REMEMBERED_MAX = 8192

/**
 * Makes directories whose entries are on stable storage after. One that is there already may have
 * been made by another process that has not synced it yet, and dies before it does: what this
 * process has not synced itself, it syncs, once.
 *
 * @param sync puts the entries of a directory on stable storage.
 */
export function createDirectoryMaker(
  sync: (path: string) => Promise<void>,
): (path: string) => Promise<void> {
  const synced = new Set<string>()

  function remember(path: string): void {
    synced.add(path)
    if (synced.size <= REMEMBERED_MAX) return
    for (const oldest of synced) {
      synced.delete(oldest)
      break
    }
  }

  return async (path) => {
    const first = await mkdir(path, { recursive: true })
    if (first === undefined && synced.has(path)) return
    const top = dirname(first ?? path)
    for (let entry = path; entry !== top; entry = dirname(entry)) {
      await sync(dirname(entry)).catch((error: NodeJS.ErrnoException) => {
        // Where this user may not look, somebody else has made what is there, long before.
        if (first !== undefined || error.code !== 'EACCES') throw error
      })
    }
    remember(path)
  }
}
