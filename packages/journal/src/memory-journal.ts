import type { JobDefinition, JobId } from '@firn/core'
import type {
  EndRecord,
  GenerationRecord,
  IntentRecord,
  Journal,
  JournalEntry,
  Receipt,
  UploadRecord,
} from './journal.ts'

interface Entry {
  readonly definition: JobDefinition | null
  readonly generations: ReadonlyMap<number, GenerationRecord>
  readonly uploads: ReadonlyMap<number, UploadRecord>
  readonly intents: ReadonlyMap<number, IntentRecord>
  readonly receipt: Receipt | null
  readonly failed: EndRecord | null
  readonly cancelled: EndRecord | null
}

const empty: Entry = {
  definition: null,
  generations: new Map(),
  uploads: new Map(),
  intents: new Map(),
  receipt: null,
  failed: null,
  cancelled: null,
}

/** A journal that lasts as long as the process: for simulation and for tests of use cases. */
export function createMemoryJournal(): Journal {
  const entries = new Map<JobId, Entry>()
  const change = (id: JobId, part: (entry: Entry) => Partial<Entry>) => {
    const entry = entries.get(id) ?? empty
    entries.set(id, { ...entry, ...part(entry) })
  }

  return {
    async putDefinition(definition, signal) {
      signal.throwIfAborted()
      const kept = entries.get(definition.id)?.definition ?? definition
      change(definition.id, () => ({ definition: kept }))
      return kept
    },
    async putGeneration(record, signal) {
      signal.throwIfAborted()
      change(record.jobId, ({ generations }) => ({
        generations: new Map(generations).set(record.generation, record),
      }))
    },
    async putUpload(record, signal) {
      signal.throwIfAborted()
      const kept = entries.get(record.jobId)?.uploads.get(record.generation) ?? record
      change(record.jobId, ({ uploads }) => ({
        uploads: new Map(uploads).set(record.generation, kept),
      }))
      return kept
    },
    async putIntent(record, signal) {
      signal.throwIfAborted()
      change(record.jobId, ({ intents }) => ({
        intents: new Map(intents).set(record.generation, record),
      }))
    },
    async putReceipt(receipt, signal) {
      signal.throwIfAborted()
      const kept = entries.get(receipt.jobId)?.receipt ?? receipt
      change(receipt.jobId, () => ({ receipt: kept }))
      return kept
    },
    async putEnd(record, signal) {
      signal.throwIfAborted()
      change(record.jobId, () => ({ [record.state]: record }))
    },
    async deleteEnd(id, state, signal) {
      signal.throwIfAborted()
      change(id, () => ({ [state]: null }))
    },
    async load(id, signal): Promise<JournalEntry | undefined> {
      signal.throwIfAborted()
      const entry = entries.get(id)
      if (entry?.definition == null) return undefined
      const byGeneration = <T extends { generation: number }>(records: ReadonlyMap<number, T>) =>
        [...records.values()].sort((a, b) => a.generation - b.generation)
      return {
        definition: entry.definition,
        generations: byGeneration(entry.generations),
        uploads: byGeneration(entry.uploads),
        intents: byGeneration(entry.intents),
        receipt: entry.receipt,
        ends: [entry.cancelled, entry.failed].filter((end) => end !== null),
      }
    },
    async *jobIds(signal) {
      signal.throwIfAborted()
      for (const [id, entry] of [...entries]) {
        signal.throwIfAborted()
        if (entry.definition !== null) yield id
      }
    },
    async ping(signal) {
      signal.throwIfAborted()
    },
  }
}
