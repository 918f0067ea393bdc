import { AppError, type Controls, type ErrorCode, type JobId, parseMarker } from '@firn/core'
import type { FinalizeDeps, OpenDeps, OrphanDeps, PartDeps } from '@firn/engine'
import type { Glacier, VaultDescription } from '@firn/glacier'
import type { Journal } from '@firn/journal'
import type { Random } from './random.ts'
import type { Fault, Scheduler, SimProcess } from './scheduler.ts'
import type { WorldClock } from './sim-clock.ts'
import type { GlacierModel } from './sim-glacier.ts'
import type { RedisModel } from './sim-redis.ts'
import type { SourceModel } from './sim-source.ts'

/** Every port of one process: what all use cases together need. */
export type SimDeps = PartDeps &
  OpenDeps &
  FinalizeDeps &
  OrphanDeps & { readonly randomBytes: (count: number) => Uint8Array }

/** What really is there, behind the calls. */
export interface Models {
  readonly redis: RedisModel
  readonly journal: Journal
  readonly glacier: GlacierModel
  readonly sources: SourceModel
  readonly controls: () => Controls
  readonly clock: WorldClock
  readonly random: Random
  /** What Glacier said that was not so. */
  readonly lies: Set<ErrorCode>
  readonly randomBytes: (count: number) => Uint8Array
}

/** Every call may be refused, lost or late, and its caller may die around it. */
const remote: readonly Fault[] = ['refuse', 'lose', 'late', 'crash-before', 'crash-after']
/** A local call was done or was not, as far as its process lives to see. */
const local: readonly Fault[] = ['refuse', 'crash-before', 'crash-after']
/** Glacier may also tell lies: of what did not happen, and of what did. */
const untrue: readonly Fault[] = [...remote, 'deny', 'mislead']
const liesOf: ReadonlyMap<string, readonly ErrorCode[]> = new Map([
  ['initiateUpload', ['GLACIER_VAULT_NOT_FOUND']],
  ['uploadPart', ['GLACIER_UPLOAD_NOT_FOUND', 'GLACIER_VAULT_NOT_FOUND']],
  ['completeUpload', ['GLACIER_UPLOAD_NOT_FOUND', 'GLACIER_VAULT_NOT_FOUND', 'GLACIER_REFUSED']],
  ['abortUpload', ['GLACIER_UPLOAD_NOT_FOUND', 'GLACIER_VAULT_NOT_FOUND']],
  ['readParts', ['GLACIER_UPLOAD_NOT_FOUND', 'GLACIER_VAULT_NOT_FOUND']],
  ['readUploads', ['GLACIER_VAULT_NOT_FOUND']],
])
/** What is worth the most faults: calls that cannot be taken back. */
const decisive = [
  'initiateUpload',
  'completeUpload',
  'abortUpload',
  'putIntent',
  'putCancel',
  'putReceipt',
]
const DECISIVE_RISK = 3
/** As production has it: wrong clocks and late inventories together stay below it. */
const INVENTORY_MARGIN_MS = 24 * 3600 * 1000
const KEEP_ALIVE_MS = 8 * 3600 * 1000
const INVENTORY_PATIENCE_MS = 72 * 3600 * 1000

/** The ports as one process sees them: each method is one call that the scheduler decides about. */
export function simPorts(scheduler: Scheduler, models: Models, process: SimProcess): SimDeps {
  const port = createPorts(scheduler, process, models)
  const { redis, sources } = models
  const listedJournal = listed(models.journal)
  const faultsOf = (method: string) => (liesOf.has(method) ? untrue : remote)
  const glacier = port('glacier', () => models.glacier, 'GLACIER_TIMEOUT', faultsOf)
  const journal = port('journal', () => listedJournal, 'JOURNAL_UNAVAILABLE')
  return {
    store: port('store', redis.store, 'STORE_UNAVAILABLE'),
    journal: streamed(journal),
    queues: port('queue', () => redis.queues, 'QUEUE_UNAVAILABLE'),
    sources: port(
      'source',
      () => sources,
      'SOURCE_UNREADABLE',
      () => local,
    ),
    glacier: paged(glacier),
    inventories: glacier,
    vaults: { listVaults },
    controls: models.controls,
    now: models.clock.of(process.name),
    randomBytes: models.randomBytes,
    region: null,
    inventoryMarginMs: INVENTORY_MARGIN_MS,
    inventoryPatienceMs: INVENTORY_PATIENCE_MS,
    graceMs: 0,
    keepAliveMs: KEEP_ALIVE_MS,
    workerName: process.name,
    observe: { phase: () => undefined, part: () => undefined },
    watchJob: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => undefined }),
  }
}

function createPorts(scheduler: Scheduler, process: SimProcess, { random, lies }: Models) {
  return <T extends object>(
    name: string,
    target: () => T,
    code: ErrorCode,
    faultsOf: (method: string) => readonly Fault[] = () => remote,
  ): T =>
    new Proxy(target(), {
      get(_, property) {
        const method = String(property)
        return (...args: unknown[]) => {
          const label = `${name}.${method} ${describe(args[0])}`
          // Looked up when it happens: what a late call reaches may not be what it was sent to.
          const action = async () => {
            const called: unknown = Reflect.get(target(), property)
            if (typeof called !== 'function') throw new Error(`${label} is not a call`)
            return Reflect.apply(called, target(), args)
          }
          const failure = () => new AppError(code, `${name} did not answer`)
          const risk = decisive.includes(method) ? DECISIVE_RISK : 1
          const denial = () => {
            const known = liesOf.get(method) ?? []
            const lie = known[random.below(known.length)] ?? code
            lies.add(lie)
            return new AppError(lie, `${name} says what is not so`)
          }
          const options = { faults: faultsOf(method), risk, failure, denial }
          return scheduler.call(process, label, action, options)
        }
      },
    })
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

interface ListedJournal extends Omit<Journal, 'jobIds'> {
  readonly listJobs: () => Promise<readonly JobId[]>
}

/** The journal's list as an array, taken in one step. */
function listed(journal: Journal): ListedJournal {
  const { signal } = new AbortController()
  return { ...journal, listJobs: () => Array.fromAsync(journal.jobIds(signal)) }
}

function streamed(call: ListedJournal): Journal {
  return {
    putDefinition: call.putDefinition,
    putGeneration: call.putGeneration,
    putUpload: call.putUpload,
    putIntent: call.putIntent,
    putReceipt: call.putReceipt,
    putCancel: call.putCancel,
    putFailure: call.putFailure,
    deleteFailure: call.deleteFailure,
    load: call.load,
    ping: call.ping,
    async *jobIds() {
      yield* await call.listJobs()
    },
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
