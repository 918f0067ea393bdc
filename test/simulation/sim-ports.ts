import { AppError, type Controls, type ErrorCode, parseMarker } from '@firn/core'
import type { FinalizeDeps, OrphanDeps, PartDeps } from '@firn/engine'
import type { Glacier, VaultDescription } from '@firn/glacier'
import type { Journal } from '@firn/journal'
import type { JobStore } from '@firn/store'
import type { Fault, Scheduler, SimProcess } from './scheduler.ts'
import type { GlacierModel } from './sim-glacier.ts'
import type { QueueModel } from './sim-queue.ts'
import type { SourceModel } from './sim-source.ts'

/** Every port of one process: what all use cases together need. */
export type SimDeps = PartDeps &
  FinalizeDeps &
  OrphanDeps & { readonly randomBytes: (count: number) => Uint8Array }

/** What really is there, behind the calls. The store may be replaced: a Redis can lose all it had. */
export interface Models {
  store: JobStore
  readonly journal: Journal
  readonly glacier: GlacierModel
  readonly queues: QueueModel
  readonly sources: SourceModel
  readonly controls: () => Controls
  readonly now: () => number
  readonly randomBytes: (count: number) => Uint8Array
}

/** Every call may be refused, lost or late, and its caller may die around it. */
const remote: readonly Fault[] = ['refuse', 'lose', 'late', 'crash-before', 'crash-after']
/** A local call was done or was not, as far as its process lives to see. */
const local: readonly Fault[] = ['refuse', 'crash-before', 'crash-after']

/** The ports as one process sees them: each method is one call that the scheduler decides about. */
export function simPorts(scheduler: Scheduler, models: Models, process: SimProcess): SimDeps {
  const port = <T extends object>(
    name: string,
    target: () => T,
    code: ErrorCode,
    faults: readonly Fault[],
  ): T =>
    new Proxy(target(), {
      get(_, property) {
        return (...args: unknown[]) => {
          const label = `${name}.${String(property)} ${describe(args[0])}`
          // Looked up when it happens: what a late call reaches may not be what it was sent to.
          const action = async () => {
            const method: unknown = Reflect.get(target(), property)
            if (typeof method !== 'function') throw new Error(`${label} is not a call`)
            return Reflect.apply(method, target(), args)
          }
          const failure = () => new AppError(code, `${name} did not answer`)
          return scheduler.call(process, label, action, { faults, failure })
        }
      },
    })
  const glacier = port('glacier', () => models.glacier, 'GLACIER_TIMEOUT', remote)
  return {
    store: port('store', () => models.store, 'STORE_UNAVAILABLE', remote),
    journal: streamed(
      port('journal', () => models.journal, 'JOURNAL_UNAVAILABLE', local),
      models,
    ),
    queues: port('queue', () => models.queues, 'QUEUE_UNAVAILABLE', remote),
    sources: port('source', () => models.sources, 'SOURCE_UNREADABLE', local),
    glacier: paged(glacier),
    inventories: glacier,
    vaults: { listVaults },
    controls: models.controls,
    now: models.now,
    randomBytes: models.randomBytes,
    region: null,
    inventoryMarginMs: 0,
    graceMs: 0,
    workerName: process.name,
    observe: { phase: () => undefined, part: () => undefined },
    watchJob: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => undefined }),
  }
}

/** The model's lists are arrays, taken in one step: a page more or less makes no difference. */
function paged(call: GlacierModel): Glacier {
  return {
    initiateUpload: call.initiateUpload,
    uploadPart: call.uploadPart,
    completeUpload: call.completeUpload,
    abortUpload: call.abortUpload,
    async *listParts({ uploadId }) {
      yield* await call.readParts(uploadId)
    },
    async *listUploads() {
      yield* await call.readUploads()
    },
  }
}

function streamed(call: Journal, { journal }: Models): Journal {
  return {
    putDefinition: call.putDefinition,
    putGeneration: call.putGeneration,
    putUpload: call.putUpload,
    putIntent: call.putIntent,
    putReceipt: call.putReceipt,
    putEnd: call.putEnd,
    deleteEnd: call.deleteEnd,
    load: call.load,
    jobIds: journal.jobIds,
    ping: call.ping,
  }
}

async function* listVaults(): AsyncIterable<VaultDescription> {
  yield { name: 'v', arn: 'arn', createdAt: '', archiveCount: 0, sizeBytes: 0 }
}

function describe(argument: unknown): string {
  if (typeof argument === 'string') return argument
  const marker = parseMarker(Reflect.get(Object(argument), 'description'))
  if (marker !== undefined) return `${marker.jobId} g=${marker.generation}`
  const text = JSON.stringify(argument) ?? ''
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
