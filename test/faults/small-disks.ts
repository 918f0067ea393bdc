import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MIB } from './scene.ts'

/** What a test says that cannot be run here. */
export const NEEDS_MOUNT = 'NOT RUN: needs root on Linux, with leave to mount file systems'

/** A file system of its own, so that it can be full. */
export interface Disk extends Disposable {
  readonly directory: string
}

/** One that can lose its power. */
export interface PowerDisk extends Disk {
  /**
   * Readies the cut, which takes time; calling the result makes it at once. What no fsync has put
   * on stable storage by then is lost, whatever was said of it.
   */
  readonly armCut: () => Promise<() => Promise<void>>
  /** As after a reboot. Nobody may have a file open on it. */
  readonly mountAgain: () => void
}

/** A file system in memory, or undefined where mounting is not allowed. */
export function mountMemoryDisk(sizeMib: number): Disk | undefined {
  return mountScratch((directory) =>
    run('mount', '-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', directory),
  )
}

/** An ext4 on an image of its own, or undefined where mounting is not allowed. */
export function mountPowerDisk(sizeMib: number): PowerDisk | undefined {
  const scratch = mkdtempSync(join(tmpdir(), 'firn-image-'))
  const image = join(scratch, 'image')
  const mount = (directory: string): void => run('mount', '-o', 'loop', image, directory)
  const disk = mountScratch((directory) => {
    writeFileSync(image, '')
    truncateSync(image, sizeMib * MIB)
    run('mkfs.ext4', '-q', image)
    mount(directory)
  })
  if (disk === undefined) {
    rmSync(scratch, { recursive: true })
    return undefined
  }
  const { directory } = disk
  return {
    directory,
    armCut: () => armCut(directory),
    mountAgain() {
      run('umount', directory)
      mount(directory)
    },
    [Symbol.dispose]() {
      disk[Symbol.dispose]()
      rmSync(scratch, { recursive: true })
    },
  }
}

function mountScratch(mount: (directory: string) => void): Disk | undefined {
  if (!isMountable()) return undefined
  const scratch = mkdtempSync(join(tmpdir(), 'firn-disk-'))
  const directory = join(scratch, 'disk')
  mkdirSync(directory)
  try {
    mount(directory)
  } catch {
    rmSync(scratch, { recursive: true })
    return undefined
  }
  return {
    directory,
    [Symbol.dispose]() {
      run('umount', '-l', directory)
      rmSync(scratch, { recursive: true })
    },
  }
}

/**
 * Makes what is below a directory read-only for everybody, until the result of each call is called;
 * undefined where mounting is not allowed, and while somebody has a file open to write.
 */
export function makeReadOnly(directory: string): (() => void) | undefined {
  if (!isMountable()) return undefined
  try {
    run('mount', '--bind', directory, directory)
  } catch {
    return undefined
  }
  const undo = (): void => run('umount', '-l', directory)
  try {
    run('mount', '-o', 'remount,bind,ro', directory)
  } catch {
    return void undo()
  }
  return undo
}

function isMountable(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'pipe' })
}

// FS_IOC_SHUTDOWN, with the flag that leaves the file system's own journal unwritten too. Perl is
// on every Debian; Node has no ioctl.
const CUT = `
open(my $disk, "<", $ARGV[0]) or die "open: $!";
$| = 1;
print "armed\\n";
<STDIN>;
my $flags = pack("L", 2);
defined(ioctl($disk, 0x8004587D, $flags)) or die "ioctl: $!";
print "cut\\n";
`

async function armCut(directory: string): Promise<() => Promise<void>> {
  const child = spawn('perl', ['-e', CUT, directory], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [line]: unknown[] = await once(lines, 'line')
  if (line !== 'armed') throw new Error(`The power cut says ${String(line)}`)
  return async () => {
    const exited = once(child, 'exit')
    child.stdin.end('now\n')
    const [code]: unknown[] = await exited
    if (code !== 0) throw new Error('The power could not be cut')
  }
}
