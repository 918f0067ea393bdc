import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createDurableFiles, type DurableFiles } from './durable-files.ts'
import { FormatRecord } from './records.ts'

/** Where things lie. No part of a path ever comes from a request: names are random keys. */
export interface DataDirectory extends AsyncDisposable {
  readonly files: DurableFiles
  readonly vaultsDir: string
  readonly accountsDir: string
  /** Signs archive ids. */
  readonly secret: Uint8Array
  /** Throws when a directory could not be synced since the start. */
  readonly assertSound: () => void
}

export interface StorageLog {
  readonly warn: (fields: object, message: string) => void
  readonly error: (fields: object, message: string) => void
}

/**
 * Opens, and if need be creates, a data directory: for this process alone. Empties what a crash
 * left half-written.
 */
export async function openDataDirectory(options: {
  readonly path: string
  readonly log: StorageLog
}): Promise<DataDirectory> {
  const { log } = options
  const root = resolve(options.path)
  await mkdir(root, { recursive: true, mode: 0o700 })
  await using resources = new AsyncDisposableStack()
  const lock = lockDirectory(root)
  resources.defer(() => lock.close())

  const tempDir = join(root, 'tmp')
  const trashDir = join(root, 'trash')
  const vaultsDir = join(root, 'vaults')
  const accountsDir = join(root, 'accounts')
  for (const rubbish of [tempDir, trashDir]) await rm(rubbish, { recursive: true, force: true })
  for (const path of [tempDir, trashDir, vaultsDir, accountsDir]) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  }
  await syncPath(root)
  await syncPath(dirname(root))

  let broken: unknown
  const files = createDurableFiles({
    tempDir,
    trashDir,
    onBroken(error) {
      broken ??= error
      log.error({ err: error }, 'a directory could not be synced: refusing changes until restarted')
    },
    onNotFreed: (error) => log.warn({ err: error }, 'disk could not be freed'),
  })
  const secret = await readSecret(join(root, 'format.json'), files)
  resources.defer(() => files.settled())
  const owned = resources.move()
  return {
    files,
    vaultsDir,
    accountsDir,
    secret,
    assertSound() {
      if (broken !== undefined) {
        throw new Error('The data directory is read-only since a sync failed', { cause: broken })
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/**
 * An exclusive transaction of SQLite is a lock of the kernel: it ends with the process, however
 * that dies, and holds between containers that share the directory. Node has no other.
 */
function lockDirectory(root: string): DatabaseSync {
  const database = new DatabaseSync(join(root, 'lock.db'))
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    throw new Error(`Cannot use the data directory "${root}": another process has it open`, {
      cause: error,
    })
  }
}

async function syncPath(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}

async function readSecret(path: string, files: DurableFiles): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) {
    const secret = randomBytes(32)
    await files.write(path, JSON.stringify({ format: 1, secret: secret.toString('hex') }))
    return secret
  }
  const record = FormatRecord.safeParse(JSON.parse(text))
  if (record.success) return Buffer.from(record.data.secret, 'hex')
  throw new Error(`Cannot use the data directory of "${path}": it is not of format 1`, {
    cause: record.error,
  })
}
