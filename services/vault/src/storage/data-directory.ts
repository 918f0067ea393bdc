import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createDurableFiles, type DurableFiles } from './durable-files.ts'
import { FormatRecord } from './records.ts'

/** Errors of the disk after which nothing more is written. */
const IO_ERROR_COUNT_MAX = 3

/** Where things lie. No part of a path ever comes from a request: names are random keys. */
export interface DataDirectory extends AsyncDisposable {
  readonly files: DurableFiles
  readonly vaultsDir: string
  readonly accountsDir: string
  /** Signs archive ids. */
  readonly secret: Uint8Array
  /** Throws since a directory could not be synced, or files could not be written again and again. */
  readonly assertSound: () => void
  /** Counts a failure to write a file, if it is one of the disk and not for want of space. */
  readonly noteFailure: (error: unknown) => void
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

  const health = createHealth(log)
  const files = createDurableFiles({
    tempDir,
    trashDir,
    onBroken: health.breakDown,
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
    assertSound: health.assertSound,
    noteFailure: health.noteFailure,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** After an error of the disk nobody knows what it holds; to go on writing could lose more. */
function createHealth(log: StorageLog) {
  let broken: { readonly cause: unknown } | undefined
  let failureCount = 0
  const breakDown = (cause: unknown): void => {
    if (broken === undefined) {
      log.error({ err: cause }, 'the disk fails: refusing changes until restarted')
    }
    broken ??= { cause }
  }
  return {
    breakDown,
    noteFailure(error: unknown): void {
      if (!(error instanceof Error && 'code' in error && error.code === 'EIO')) return
      failureCount += 1
      if (failureCount >= IO_ERROR_COUNT_MAX) breakDown(error)
    },
    assertSound(): void {
      if (broken === undefined) return
      throw new Error('The data directory is read-only since the disk failed', broken)
    },
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
