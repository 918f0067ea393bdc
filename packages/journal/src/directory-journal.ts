import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '@firn/core'
import { answerWithin } from './answer-within.ts'
import { createFile, makeDirectory, removeFile, replaceFile, tryWriting } from './durable-file.ts'
import type { Journal } from './journal.ts'
import type { RecordFiles } from './record-files.ts'
import { createRecordJournal } from './record-journal.ts'
import { shards } from './record-paths.ts'

/** A file server that says nothing must not hold a run, and the lock of its job, for ever. */
const ANSWER_TIMEOUT_MS = 30_000

/**
 * A journal in a directory that every process shares, laid out as {@link createRecordJournal} says.
 * Records are written whole (temporary file, fsync, link or rename, fsync of the directory), so a
 * crash leaves a record or none; stray `.tmp` files mean nothing and may be deleted.
 */
export async function openDirectoryJournal(options: {
  readonly directory: string
}): Promise<Journal> {
  const { directory } = options
  try {
    await within(null, async () => {
      // Itself first: another process may have made it a moment ago.
      await makeDirectory(directory)
      for (const shard of shards) await makeDirectory(join(directory, shard))
    })
  } catch (error) {
    const message = `Cannot open the journal in ${directory}`
    throw new AppError('JOURNAL_UNAVAILABLE', message, { cause: error })
  }
  return createRecordJournal(createDirectoryFiles(directory))
}

function createDirectoryFiles(directory: string): RecordFiles {
  const at = (path: string): string => join(directory, path)
  // Shards are made at the start alone: without them, the disk that held them is gone.
  const makeFolder = async (path: string): Promise<void> => {
    if (!shards.includes(dirname(path))) await makeDirectory(at(dirname(path)))
  }
  return {
    create: (path, text, signal) =>
      within(signal, async () => {
        await makeFolder(path)
        if (await createFile(at(path), text)) return undefined
        return await readFile(at(path), 'utf8')
      }),
    replace: (path, text, signal) =>
      within(signal, async () => {
        await makeFolder(path)
        await replaceFile(at(path), text)
      }),
    remove: (path, signal) =>
      within(signal, async () => {
        await makeFolder(path)
        await removeFile(at(path))
      }),
    read: (path, signal) =>
      within(signal, () => unlessMissing(readFile(at(path), 'utf8'), undefined)),
    async *list(folder, signal) {
      yield* await within(signal, () => unlessMissing(readdir(at(folder)), []))
    },
    ping: (signal) => within(signal, () => tryWriting(directory)),
  }
}

async function within<T>(signal: AbortSignal | null, run: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted()
  return await answerWithin(run(), { timeoutMs: ANSWER_TIMEOUT_MS, signal })
}

async function unlessMissing<T, U>(reading: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return otherwise
    throw error
  }
}
