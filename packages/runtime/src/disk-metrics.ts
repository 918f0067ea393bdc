import { statfs } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Gauge, type Registry } from 'prom-client'

/** A network file system that is away answers nothing at all. */
const TIMEOUT_MS = 1000

interface Space {
  readonly sizeBytes: number
  readonly freeBytes: number
}

/**
 * Registers how large and how free the file systems under some directories are, looked up when
 * asked. One that does not answer has no samples.
 */
export function observeDisks(
  registry: Registry,
  directories: readonly { readonly volume: string; readonly directory: string }[],
): void {
  const register = (name: string, help: string, pick: (space: Space) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['volume'],
      registers: [registry],
      async collect() {
        this.reset()
        await Promise.all(
          directories.map(async ({ volume, directory }) => {
            const space = await readSpace(directory)
            if (space !== null) this.set({ volume }, pick(space))
          }),
        )
      },
    })
  }
  const where = 'of the file system that a directory of Firn lies on'
  register('firn_disk_size_bytes', `Size ${where}`, ({ sizeBytes }) => sizeBytes)
  register('firn_disk_free_bytes', `Free space ${where}`, ({ freeBytes }) => freeBytes)
}

async function readSpace(directory: string): Promise<Space | null> {
  const answered = new AbortController()
  const read = async (): Promise<Space | null> => {
    const { blocks, bavail, bsize } = await statfs(directory)
    return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize }
  }
  const tooLate = delay(TIMEOUT_MS, null, { signal: answered.signal, ref: false })
  tooLate.catch(() => {})
  try {
    return await Promise.race([read(), tooLate])
  } catch {
    return null
  } finally {
    answered.abort()
  }
}
