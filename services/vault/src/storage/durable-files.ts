import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Changes of the disk that are durable when they resolve: a file is synced before it is renamed
 * to its name, the directory after. A crash leaves the old state or the new one, plus rubbish in
 * the temporary directory and the trash, which the next start empties.
 */
export interface DurableFiles {
  /** A path, not in use, in the temporary directory of the same file system. */
  readonly newTempPath: () => string
  /** Creates or replaces a file. */
  readonly write: (path: string, data: string | Uint8Array) => Promise<void>
  /**
   * Creates a directory with these files in it, all at once. `adopted` moves files in that were
   * written and synced elsewhere, by name; they are gone when it fails.
   */
  readonly writeDirectory: (
    path: string,
    files: Readonly<Record<string, string>>,
    more?: {
      readonly directories?: readonly string[]
      readonly adopted?: Readonly<Record<string, string>>
    },
  ) => Promise<void>
  /** Gives a file, synced at a temporary path, its name. It is gone when this fails. */
  readonly publish: (tempPath: string, path: string) => Promise<void>
  /** Removes a file or a directory with all it holds: from its name at once, its disk soon. */
  readonly retire: (path: string) => Promise<void>
  /** Removes a file whose return after a crash would do no harm. */
  readonly discard: (path: string) => Promise<void>
  /** Resolves when nothing is being deleted any more. */
  readonly settled: () => Promise<void>
}

export function createDurableFiles(options: {
  readonly tempDir: string
  readonly trashDir: string
  /** Told when a directory could not be synced: what the disk holds is then not known. */
  readonly onBroken: (error: unknown) => void
  /** Told when the disk of something retired could not be freed; the next start tries again. */
  readonly onNotFreed: (error: unknown) => void
}): DurableFiles {
  const { tempDir, trashDir } = options
  const syncDirectory = createDirectorySync(options.onBroken)
  const deleting = new Set<Promise<void>>()
  let lastNumber = 0
  const newPath = (directory: string): string => {
    lastNumber += 1
    return join(directory, lastNumber.toString(36))
  }

  const publish = async (tempPath: string, path: string): Promise<void> => {
    await rename(tempPath, path)
    await syncDirectory(dirname(path))
  }

  const free = (path: string): void => {
    const deletion = rm(path, { recursive: true, force: true })
      .catch(options.onNotFreed)
      .finally(() => deleting.delete(deletion))
    deleting.add(deletion)
  }

  return {
    newTempPath: () => newPath(tempDir),
    async publish(tempPath, path) {
      try {
        await publish(tempPath, path)
      } catch (error) {
        await Promise.all([rm(tempPath, { force: true }), rm(path, { force: true })])
        throw error
      }
    },
    async write(path, data) {
      const tempPath = newPath(tempDir)
      try {
        await writeSynced(tempPath, data)
        await publish(tempPath, path)
      } catch (error) {
        await rm(tempPath, { force: true })
        throw error
      }
    },
    async writeDirectory(path, files, { directories = [], adopted = {} } = {}) {
      const tempPath = newPath(tempDir)
      try {
        await mkdir(tempPath, { mode: 0o700 })
        for (const name of directories) await mkdir(join(tempPath, name), { mode: 0o700 })
        for (const [name, text] of Object.entries(files)) {
          await writeSynced(join(tempPath, name), text)
        }
        for (const [name, from] of Object.entries(adopted)) await rename(from, join(tempPath, name))
        await syncDirectory(tempPath)
        await publish(tempPath, path)
      } catch (error) {
        for (const from of Object.values(adopted)) await rm(from, { force: true })
        await rm(tempPath, { recursive: true, force: true })
        throw error
      }
    },
    async retire(path) {
      const trashPath = newPath(trashDir)
      await rename(path, trashPath)
      await syncDirectory(dirname(path))
      free(trashPath)
    },
    async discard(path) {
      await rm(path, { force: true })
    },
    async settled() {
      await Promise.all(deleting)
    },
  }
}

async function writeSynced(path: string, data: string | Uint8Array): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(data)
  await file.sync()
}

/**
 * Syncs directories; callers that come while one is being synced share the next sync, which
 * begins after their own change and therefore covers it.
 */
export function createDirectorySync(
  onFailed: (error: unknown) => void,
): (path: string) => Promise<void> {
  const syncing = new Map<string, { readonly current: Promise<void>; next?: Promise<void> }>()

  const syncOnce = async (path: string): Promise<void> => {
    try {
      await using directory = await open(path, 'r')
      await directory.sync()
    } catch (error) {
      onFailed(error)
      throw error
    }
  }

  const start = (path: string): Promise<void> => {
    const current = syncOnce(path).finally(() => {
      if (syncing.get(path)?.current === current) syncing.delete(path)
    })
    syncing.set(path, { current })
    return current
  }

  return (path) => {
    const running = syncing.get(path)
    if (running === undefined) return start(path)
    running.next ??= running.current.then(
      () => start(path),
      () => start(path),
    )
    return running.next
  }
}
