import { randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A control group for one process, in which memory is short. */
export interface MemoryLimit extends AsyncDisposable {
  /** What the process takes from here on is limited; what it has does not count. */
  readonly put: (pid: number) => Promise<void>
  /** Processes that the kernel has killed for it. */
  readonly killCount: () => Promise<number>
}

/** The two versions of control groups name things differently. */
interface Layout {
  readonly parent: string
  readonly limitFile: string
  readonly eventsFile: string
  /** Whether groups below `parent` limit memory. */
  readonly isUsable: () => boolean
}

const PROCESSES = 'cgroup.procs'
const layouts: readonly Layout[] = [
  {
    parent: '/sys/fs/cgroup/memory',
    limitFile: 'memory.limit_in_bytes',
    eventsFile: 'memory.oom_control',
    isUsable: () => existsSync('/sys/fs/cgroup/memory/memory.oom_control'),
  },
  {
    parent: '/sys/fs/cgroup',
    limitFile: 'memory.max',
    eventsFile: 'memory.events',
    isUsable: () =>
      /\bmemory\b/.test(readFileSync('/sys/fs/cgroup/cgroup.subtree_control', 'utf8')),
  },
]

/** Why memory cannot be limited here, or undefined when it can. */
export function whyNoMemoryLimit(): string | undefined {
  return findLayout() === undefined
    ? 'NOT RUN: needs root on Linux, with leave to make control groups for memory'
    : undefined
}

function findLayout(): Layout | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  return layouts.find(({ parent, isUsable }) => {
    try {
      accessSync(parent, constants.W_OK)
      return isUsable()
    } catch {
      return false
    }
  })
}

export async function openMemoryLimit(bytes: number): Promise<MemoryLimit> {
  const layout = findLayout()
  if (layout === undefined) throw new Error(whyNoMemoryLimit())
  const directory = join(layout.parent, `firn-faults-${randomUUID()}`)
  await mkdir(directory)
  await writeFile(join(directory, layout.limitFile), String(bytes))
  return {
    put: (pid) => writeFile(join(directory, PROCESSES), String(pid)),
    async killCount() {
      const text = await readFile(join(directory, layout.eventsFile), 'utf8')
      return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0)
    },
    async [Symbol.asyncDispose]() {
      // Busy for as long as anybody is in it, be it a process that has not quite ended.
      while (!(await isRemoved(directory))) {
        for (const pid of (await readFile(join(directory, PROCESSES), 'utf8')).split('\n')) {
          if (pid !== '') await writeFile(join(layout.parent, PROCESSES), pid).catch(() => {})
        }
        await sleep(50)
      }
    },
  }
}

async function isRemoved(directory: string): Promise<boolean> {
  return await rmdir(directory).then(
    () => true,
    () => false,
  )
}
