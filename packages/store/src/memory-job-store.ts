import type { Job, JobId, JobState } from '@firn/core'
import type { JobStore, StateEvent, StoredJob } from './job-store.ts'
import { indexMember } from './keys.ts'
import { createMemoryIndex } from './memory-index.ts'
import {
  copyParts,
  countsOf,
  createMemoryParts,
  emptyParts,
  type MemoryParts,
} from './memory-parts.ts'
import { storeCall } from './store-call.ts'
import { parseJob, partCountOf } from './stored-job.ts'

interface Entry {
  /** JSON, as Redis would hold it, so that nobody shares an object with the store. */
  readonly text: string
  readonly version: number
  readonly state: JobState
  readonly generation: number
  readonly member: string
  readonly parts: MemoryParts
}

export interface MemoryJobStore extends JobStore {
  /** Another store with the same content: a replica or a backup, as it is at this instant. */
  readonly copy: () => MemoryJobStore
}

/** All that a store holds. */
interface Image {
  readonly entries: ReadonlyMap<JobId, Entry>
  readonly events: readonly StateEvent[]
  readonly isMarked: boolean
}

/** Jobs in this process's memory, for tests and for trying things out. Keeps what Redis keeps. */
export function createMemoryJobStore(): MemoryJobStore {
  return openImage({ entries: new Map(), events: [], isMarked: false })
}

function openImage(image: Image): MemoryJobStore {
  const entries = new Map<JobId, Entry>()
  for (const [id, entry] of image.entries) {
    entries.set(id, { ...entry, parts: copyParts(entry.parts) })
  }
  const events = [...image.events]
  let { isMarked } = image

  const put = (job: Job, version: number, parts: MemoryParts): void => {
    const { id, createdAtMs } = job.definition
    const { state, generation } = job.progress
    const member = indexMember(createdAtMs, id)
    if (entries.get(id)?.state !== state) {
      events.push({ id: String(events.length + 1), jobId: id, state, version })
    }
    entries.set(id, { text: JSON.stringify(job), version, state, generation, member, parts })
  }

  return {
    ...createMemoryIndex(entries, events, toStored),
    ...createMemoryParts((id) => entries.get(id)),

    copy: () => openImage({ entries, events, isMarked }),

    create: (job, signal) =>
      storeCall('create a job', signal, async () => {
        if (entries.has(job.definition.id)) return false
        put(job, 1, emptyParts(partCountOf(job)))
        return true
      }),

    load: (id, signal) =>
      storeCall('load a job', signal, async () => {
        const entry = entries.get(id)
        return entry && toStored(id, entry)
      }),

    save: (job, expectedVersion, signal) =>
      storeCall('save a job', signal, async () => {
        const entry = entries.get(job.definition.id)
        if (entry?.version !== expectedVersion) return false
        const partCount = partCountOf(job)
        const isNew = entry.generation !== job.progress.generation
        const isFirstUpload = entry.parts.count === 0 && partCount > 0
        entry.parts.trouble = null
        put(job, expectedVersion + 1, isNew || isFirstUpload ? emptyParts(partCount) : entry.parts)
        return true
      }),

    hasMark: (signal) => storeCall('look for the mark', signal, async () => isMarked),

    beginMark: (signal) => storeCall('begin the mark', signal, async () => ''),

    putMark: (_begun, signal) =>
      storeCall('leave the mark', signal, async () => {
        isMarked = true
      }),

    liveness: (ids, signal) =>
      storeCall('look whether jobs live', signal, async () =>
        ids.map((id) => {
          const entry = entries.get(id)
          return entry && { state: entry.state, generation: entry.generation }
        }),
      ),
  }
}

function toStored(id: JobId, { text, version, parts }: Entry): StoredJob {
  return { job: parseJob(id, text), version, counts: countsOf(parts), trouble: parts.trouble }
}
