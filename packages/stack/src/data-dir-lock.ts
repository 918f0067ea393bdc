import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, processStart } from './process-table.ts'

/** A stack whose supervisor was killed is still being stopped for at most this long. */
const TAKEOVER_WAIT_MS = 30_000
const POLL_MS = 100

export interface DataDirLock extends AsyncDisposable {
  /** Names one more process without whose end nobody else may use the directory. */
  readonly addHolder: (pid: number) => Promise<void>
}

interface Holder {
  readonly pid: number
  readonly identity: string | null
}

/**
 * Holds the directory for this process: two Redis servers on one append-only file destroy it.
 * Rejects when another process that lives holds it.
 */
export async function lockDataDir(dataDir: string, signal: AbortSignal): Promise<DataDirLock> {
  const file = join(dataDir, 'stack.lock')
  const holders: Holder[] = [holder(process.pid)]
  const deadline = performance.now() + TAKEOVER_WAIT_MS
  while (!(await create(file, holders))) {
    const found = await readHolders(file)
    const [owner, ...rest] = found.filter(isHolding)
    if (owner === undefined) {
      await rm(file, { force: true })
    } else if (owner.pid === found[0]?.pid || performance.now() > deadline) {
      throw new Error(
        `${dataDir} is in use by process ${[owner, ...rest].map(({ pid }) => pid).join(', ')}. Stop that one first, or choose another directory with FIRN_DATA_DIR`,
      )
    } else {
      await sleep(POLL_MS, undefined, { signal })
    }
  }
  return {
    async addHolder(pid) {
      holders.push(holder(pid))
      await writeFile(`${file}.new`, JSON.stringify(holders))
      await rename(`${file}.new`, file)
    },
    async [Symbol.asyncDispose]() {
      await rm(file, { force: true })
    },
  }
}

async function create(file: string, holders: readonly Holder[]): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(holders), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

async function readHolders(file: string): Promise<readonly Holder[]> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'))
    return Array.isArray(value) ? value.filter(isHolder) : []
  } catch {
    return []
  }
}

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && 'pid' in value && 'identity' in value
}

function holder(pid: number): Holder {
  return { pid, identity: processStart(pid) }
}

/** A number alone may be another process by now. */
function isHolding({ pid, identity }: Holder): boolean {
  return isRunning(pid) && processStart(pid) === identity
}
