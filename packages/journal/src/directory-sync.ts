import { open } from 'node:fs/promises'

async function fsyncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/**
 * An fsync of directories that callers share: whoever asks while one runs waits for the next,
 * which begins after their change and so covers it. Fifty writers cost two syncs, not fifty.
 */
export function createDirectorySync(
  sync: (path: string) => Promise<void> = fsyncDirectory,
): (path: string) => Promise<void> {
  const running = new Map<string, Promise<void>>()
  const next = new Map<string, Promise<void>>()

  function start(path: string): Promise<void> {
    const run = sync(path).finally(() => {
      if (running.get(path) === run) running.delete(path)
    })
    running.set(path, run)
    return run
  }

  async function startAfter(path: string, before: Promise<void>): Promise<void> {
    await before.catch(() => undefined)
    next.delete(path)
    await start(path)
  }

  return async (path) => {
    const before = running.get(path)
    if (before === undefined) return await start(path)
    const shared = next.get(path) ?? startAfter(path, before)
    next.set(path, shared)
    await shared
  }
}
