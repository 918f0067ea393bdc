import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** FS_IOC_SHUTDOWN without a flush: from here on every call to the file system fails with EIO. */
const SHUT_DOWN = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))
`
const UNMOUNT_MAX_MS = 60_000
const SIZE_MIB = 64

/** A small file system of its own that can break as a disk does. */
export interface LoopDisk extends AsyncDisposable {
  /** Every read and look fails with EIO. What was synced is safe. */
  readonly breakDown: () => void
  /** Mounts it again, with all that was on it: waits until nobody has a file of it open. */
  readonly mend: () => Promise<void>
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'pipe' })
}

/** Makes an ext4 file system in a file and mounts it at `directory`, which is made. */
export async function openLoopDisk(directory: string): Promise<LoopDisk> {
  const scratch = mkdtempSync(join(tmpdir(), 'firn-loop-'))
  const image = join(scratch, 'disk.img')
  const remove = (): void => rmSync(scratch, { recursive: true, force: true })
  try {
    await mkdir(directory, { recursive: true })
    run('truncate', '-s', `${SIZE_MIB}M`, image)
    run('mkfs.ext4', '-q', '-F', image)
    run('mount', '-o', 'loop', image, directory)
  } catch (error) {
    remove()
    throw error
  }
  return {
    breakDown() {
      run('sync', '-f', directory)
      run('python3', '-c', SHUT_DOWN, directory)
    },
    async mend() {
      await unmount(directory)
      run('mount', '-o', 'loop', image, directory)
    },
    async [Symbol.asyncDispose]() {
      run('umount', '-l', directory)
      remove()
    },
  }
}

/** Not lazily: a mount that is still in use somewhere would come back as broken as it is. */
async function unmount(directory: string): Promise<void> {
  const deadline = Date.now() + UNMOUNT_MAX_MS
  for (;;) {
    try {
      return run('umount', directory)
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}

/** Why {@link openLoopDisk} cannot work here, or undefined where it does. */
export async function whyNoLoopDisk(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  const directory = mkdtempSync(join(tmpdir(), 'firn-loop-try-'))
  try {
    await using disk = await openLoopDisk(directory)
    disk.breakDown()
    return undefined
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
    return `needs loop mounts of ext4, mkfs.ext4 and python3: ${why}`
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
