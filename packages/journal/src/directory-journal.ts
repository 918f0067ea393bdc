import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError, type JobId, parseJobId } from '@firn/core'
import {
  definitionSchema,
  endRecordSchema,
  generationRecordSchema,
  intentRecordSchema,
  receiptSchema,
  uploadRecordSchema,
} from '@firn/records'
import { answerWithin } from './answer-within.ts'
import { createFile, makeDirectory, removeFile, replaceFile, tryWriting } from './durable-file.ts'
import type { Journal } from './journal.ts'

/** What a schema does for us, whichever library it comes from. */
interface Parser<T> {
  readonly parse: (value: unknown) => T
}

/** A file server that says nothing must not hold a run, and the lock of its job, for ever. */
const ANSWER_TIMEOUT_MS = 30_000
const SHARDS = '0123456789abcdef'
const text = (record: unknown): string => `${JSON.stringify(record)}\n`

/**
 * A journal in a directory that every process shares. Layout: `<shard>/<job>.json` is the
 * definition, `<shard>/<job>/` holds `generation-<n>.json`, `upload-<n>.json`, `intent-<n>.json`,
 * `receipt.json` and `end.json`; the shard is the last digit of the job's id. Records are written
 * whole (temporary file, fsync, link or rename, fsync of the directory), so a crash leaves a
 * record or none; stray `.tmp` files mean nothing and may be deleted.
 */
export async function openDirectoryJournal(options: {
  readonly directory: string
}): Promise<Journal> {
  const { directory } = options
  await guard('open the journal', null, async () => {
    for (const shard of SHARDS) await makeDirectory(join(directory, shard))
  })

  const definitionPath = (id: JobId) => join(directory, id.slice(-1), `${id}.json`)
  const jobDirectory = (id: JobId) => join(directory, id.slice(-1), id)

  const { putRecord, putFirst } = createRecordWriter(jobDirectory)

  return {
    async putDefinition(definition, signal) {
      const path = definitionPath(definition.id)
      return await guard(`journal job ${definition.id}`, signal, async () => {
        if (await createFile(path, text(definition))) return definition
        return definitionSchema.parse(JSON.parse(await readFile(path, 'utf8')))
      })
    },
    putGeneration: (record, signal) =>
      putRecord(record.jobId, `generation-${record.generation}`, record, signal),
    putUpload: (record, signal) =>
      putFirst(record.jobId, `upload-${record.generation}`, record, uploadRecordSchema, signal),
    putIntent: (record, signal) =>
      putRecord(record.jobId, `intent-${record.generation}`, record, signal),
    putReceipt: (receipt, signal) =>
      putFirst(receipt.jobId, 'receipt', receipt, receiptSchema, signal),
    putEnd: (record, signal) => putRecord(record.jobId, 'end', record, signal),
    async deleteEnd(id, signal) {
      await guard(`journal the retry of job ${id}`, signal, async () => {
        await makeDirectory(jobDirectory(id))
        await removeFile(join(jobDirectory(id), 'end.json'))
      })
    },
    async load(id, signal) {
      return await guard(`read the journal of job ${id}`, signal, async () => {
        const definition = await readRecord(definitionPath(id), definitionSchema)
        if (definition === undefined) return undefined
        const names = await listDirectory(jobDirectory(id))
        const at = (name: string) => join(jobDirectory(id), name)
        return {
          definition,
          generations: await readGenerations(names, 'generation', at, generationRecordSchema),
          uploads: await readGenerations(names, 'upload', at, uploadRecordSchema),
          intents: await readGenerations(names, 'intent', at, intentRecordSchema),
          receipt: (await readRecord(at('receipt.json'), receiptSchema)) ?? null,
          end: (await readRecord(at('end.json'), endRecordSchema)) ?? null,
        }
      })
    },
    async *jobIds(signal) {
      for (const shard of SHARDS) {
        const names = await guard('list the journal', signal, () =>
          listDirectory(join(directory, shard)),
        )
        for (const name of names) {
          const id = name.endsWith('.json') ? parseJobId(name.slice(0, -'.json'.length)) : undefined
          if (id !== undefined) yield id
        }
      }
    },
    ping: (signal) => guard('write to the journal', signal, () => tryWriting(directory)),
  }
}

/** Writes one record of a job: over the one before, or only when there is none. */
function createRecordWriter(jobDirectory: (id: JobId) => string) {
  const putRecord = (id: JobId, name: string, record: unknown, signal: AbortSignal) =>
    guard(`journal ${name} of job ${id}`, signal, async () => {
      await makeDirectory(jobDirectory(id))
      await replaceFile(join(jobDirectory(id), `${name}.json`), text(record))
    })

  /** Of several that are put under one name, the first stays. */
  const putFirst = <T>(
    id: JobId,
    name: string,
    record: T,
    schema: Parser<T>,
    signal: AbortSignal,
  ): Promise<T> =>
    guard(`journal ${name} of job ${id}`, signal, async () => {
      const path = join(jobDirectory(id), `${name}.json`)
      await makeDirectory(jobDirectory(id))
      if (await createFile(path, text(record))) return record
      return schema.parse(JSON.parse(await readFile(path, 'utf8')))
    })

  return { putRecord, putFirst }
}

async function guard<T>(
  action: string,
  signal: AbortSignal | null,
  run: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  try {
    return await answerWithin(run(), { timeoutMs: ANSWER_TIMEOUT_MS, signal })
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw new AppError('JOURNAL_UNAVAILABLE', `Cannot ${action}`, { cause: error })
  }
}

async function listDirectory(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function readRecord<T>(path: string, schema: Parser<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`Cannot read ${path}`, { cause: error })
  }
}

async function readGenerations<T>(
  names: readonly string[],
  kind: string,
  at: (name: string) => string,
  schema: Parser<T>,
): Promise<readonly T[]> {
  const pattern = new RegExp(`^${kind}-([1-9][0-9]*)\\.json$`)
  const generations = names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
  const records: T[] = []
  for (const generation of generations) {
    const record = await readRecord(at(`${kind}-${generation}.json`), schema)
    if (record !== undefined) records.push(record)
  }
  return records
}
