import { AppError, type JobId } from '@firn/core'
import {
  cancelRecordSchema,
  definitionSchema,
  failureRecordSchema,
  generationRecordSchema,
  intentRecordSchema,
  receiptSchema,
  uploadRecordSchema,
} from '@firn/records'
import {
  type CancelRecord,
  type IntentRecord,
  isCancel,
  isIntent,
  isSameIntent,
  type Journal,
  type JournalEntry,
} from './journal.ts'
import type { RecordFiles } from './record-files.ts'
import {
  definitionPath,
  type GenerationKind,
  generationsIn,
  jobOfDefinition,
  type RecordName,
  recordFolder,
  recordPath,
  shards,
} from './record-paths.ts'

/** What a schema does for us, whichever library it comes from. */
interface Parser<T> {
  readonly parse: (value: unknown) => T
}

/** What is to become of a generation: one record, so that whatever comes first excludes the other. */
const outcomeSchema: Parser<IntentRecord | CancelRecord> = {
  parse: (value) => cancelRecordSchema.safeParse(value).data ?? intentRecordSchema.parse(value),
}

const toText = (record: unknown): string => `${JSON.stringify(record)}\n`

/**
 * A journal of one small JSON file per record, whatever keeps the files. `<shard>/<job>.json` is the
 * definition, `<shard>/<job>/` holds `generation-<n>.json`, `upload-<n>.json`, `intent-<n>.json`,
 * `receipt.json` and `failure.json`; the shard is the last digit of the job's id. So all jobs are found
 * by a look at sixteen folders, however many records each has.
 */
export function createRecordJournal(files: RecordFiles): Journal {
  const put = (id: JobId, name: RecordName, record: unknown, signal: AbortSignal): Promise<void> =>
    guard(`journal ${name} of job ${id}`, signal, () =>
      files.replace(recordPath(id, name), toText(record), signal),
    )
  /** Of several that are put under one path, the first stays. */
  const putFirst = <T>(
    doing: string,
    { path, record, schema }: { path: string; record: T; schema: Parser<T> },
    signal: AbortSignal,
  ): Promise<T> =>
    guard(doing, signal, async () => {
      const kept = await files.create(path, toText(record), signal)
      return kept === undefined ? record : parse(path, kept, schema)
    })

  const putOutcome = <T extends IntentRecord | CancelRecord>(
    record: T,
    signal: AbortSignal,
  ): Promise<IntentRecord | CancelRecord> => {
    const name = `intent-${record.generation}` as const
    const doing = `journal ${isCancel(record) ? 'the cancel' : name} of job ${record.jobId}`
    const path = recordPath(record.jobId, name)
    return putFirst<IntentRecord | CancelRecord>(
      doing,
      { path, record, schema: outcomeSchema },
      signal,
    )
  }

  return {
    putDefinition: (record, signal) =>
      putFirst(
        `journal job ${record.id}`,
        { path: definitionPath(record.id), record, schema: definitionSchema },
        signal,
      ),
    putGeneration: (record, signal) =>
      put(record.jobId, `generation-${record.generation}`, record, signal),
    putUpload(record, signal) {
      const path = recordPath(record.jobId, `upload-${record.generation}`)
      const doing = `journal upload-${record.generation} of job ${record.jobId}`
      return putFirst(doing, { path, record, schema: uploadRecordSchema }, signal)
    },
    async putIntent(record, signal) {
      const kept = await putOutcome(record, signal)
      if (isCancel(kept)) return false
      if (!isSameIntent(kept, record)) {
        await put(record.jobId, `intent-${record.generation}`, record, signal)
      }
      return true
    },
    putCancel: async (record, signal) => isCancel(await putOutcome(record, signal)),
    putReceipt(record, signal) {
      const path = recordPath(record.jobId, 'receipt')
      const doing = `journal receipt of job ${record.jobId}`
      return putFirst(doing, { path, record, schema: receiptSchema }, signal)
    },
    putFailure: (record, signal) => put(record.jobId, 'failure', record, signal),
    deleteFailure: (id, signal) =>
      guard(`journal that job ${id} has not failed`, signal, () =>
        files.remove(recordPath(id, 'failure'), signal),
      ),
    load: (id, signal) =>
      guard(`read the journal of job ${id}`, signal, () => loadEntry(files, id, signal)),
    jobIds: (signal) => listJobs(files, signal),
    ping: (signal) => guard('write to the journal', signal, () => files.ping(signal)),
  }
}

async function loadEntry(
  files: RecordFiles,
  id: JobId,
  signal: AbortSignal,
): Promise<JournalEntry | undefined> {
  const [definition, names] = await Promise.all([
    readRecord(files, definitionPath(id), definitionSchema, signal),
    Array.fromAsync(files.list(recordFolder(id), signal)),
  ])
  if (definition === undefined) return undefined
  const readOne = <T>(name: RecordName, schema: Parser<T>): Promise<T | undefined> =>
    names.includes(`${name}.json`)
      ? readRecord(files, recordPath(id, name), schema, signal)
      : Promise.resolve(undefined)
  const readAll = async <T>(kind: GenerationKind, schema: Parser<T>): Promise<readonly T[]> => {
    const generations = generationsIn(names, kind)
    const records = await Promise.all(generations.map((one) => readOne(`${kind}-${one}`, schema)))
    return records.filter((record) => record !== undefined)
  }
  // All at once: in a bucket each takes a round trip.
  const [generations, uploads, outcomes, receipt, failure] = await Promise.all([
    readAll('generation', generationRecordSchema),
    readAll('upload', uploadRecordSchema),
    readAll('intent', outcomeSchema),
    readOne('receipt', receiptSchema),
    readOne('failure', failureRecordSchema),
  ])
  const cancels = outcomes.filter(isCancel)
  const intents = outcomes.filter(isIntent)
  const last = { receipt: receipt ?? null, failure: failure ?? null }
  return { definition, generations, uploads, intents, cancels, ...last }
}

async function* listJobs(files: RecordFiles, signal: AbortSignal): AsyncGenerator<JobId> {
  for (const shard of shards) {
    try {
      for await (const name of files.list(shard, signal)) {
        const id = jobOfDefinition(name)
        if (id !== undefined) yield id
      }
    } catch (error) {
      throw unavailable('list the journal', error, signal)
    }
  }
}

async function readRecord<T>(
  files: RecordFiles,
  path: string,
  schema: Parser<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const text = await files.read(path, signal)
  return text === undefined ? undefined : parse(path, text, schema)
}

function parse<T>(path: string, text: string, schema: Parser<T>): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new Error(`Cannot understand ${path}`, { cause: error })
  }
}

async function guard<T>(doing: string, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  try {
    return await run()
  } catch (error) {
    throw unavailable(doing, error, signal)
  }
}

function unavailable(doing: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  return new AppError('JOURNAL_UNAVAILABLE', `Cannot ${doing}`, { cause: error })
}
