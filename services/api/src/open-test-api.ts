import { randomBytes } from 'node:crypto'
import { type JobView, operations, ProblemView } from '@firn/contracts'
import { defaultControls } from '@firn/core'
import type { OpenUpload, VaultDescription } from '@firn/glacier'
import { createMemoryJournal } from '@firn/journal'
import type { JobQueues } from '@firn/queue'
import { createLogger, createMetrics } from '@firn/runtime'
import { createMemoryControlStore, createMemoryJobStore, type JobStore } from '@firn/store'
import { type ApiOptions, openApi } from './api.ts'

export const TOKEN = 'a-token-for-tests'
export const authorization = { authorization: `Bearer ${TOKEN}` }

/** The keys that tests look at, of any body; a schema of the contract has checked them. */
type CheckedBody = Omit<Partial<JobView>, 'state'> &
  Partial<ProblemView> & {
    readonly state?: string
    readonly name?: string
    readonly nextCursor?: string | null
    readonly items?: readonly { readonly id?: string; readonly name?: string }[]
  }

/** An answer whose body was checked against the contract; {} when it has none, or no JSON. */
export interface CheckedAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: CheckedBody
}

/** For tests: the API over memory adapters, on a free port, with a client that knows the contract. */
export async function openTestApi(
  overrides: {
    readonly store?: JobStore
    readonly streamCountMax?: number
    readonly deadlineMs?: number
    readonly loadBoard?: ApiOptions['loadBoard']
  } = {},
) {
  const stop = new AbortController()
  const store = overrides.store ?? createMemoryJobStore()
  if (overrides.store === undefined)
    await store.putMark(await store.beginMark(stop.signal), stop.signal)
  const queued: string[] = []
  const controlStore = createMemoryControlStore({ now: Date.now })
  const journal = createMemoryJournal()
  const uploads: OpenUpload[] = []
  const api = await openApi({
    host: '127.0.0.1',
    port: 0,
    tokens: [TOKEN],
    sourceRoots: ['/srv/archive'],
    streamCountMax: overrides.streamCountMax ?? 8,
    store,
    controlStore,
    journal,
    queues: createMemoryQueues(queued),
    controls: () => defaultControls,
    vaults: createMemoryVaults(),
    glacier: createMemoryUploads(uploads),
    loadBoard: overrides.loadBoard ?? (() => Promise.reject(new Error('there is no board here'))),
    admission: { check: () => undefined },
    registry: createMetrics(),
    now: Date.now,
    randomBytes,
    checkReady: async (signal) => void (await store.lastEventId(signal)),
    log: createLogger({ name: 'api', level: 'silent', isTerminal: false }),
    stopping: stop.signal,
    deadlines: { requestMs: overrides.deadlineMs ?? 10_000, glacierMs: 10_000 },
  })
  const url = `http://${api.address}:${api.port}`
  return {
    url,
    port: api.port,
    store,
    controlStore,
    journal,
    uploads,
    queued,
    stop: () => stop.abort(),
    async call(method: string, path: string, init: RequestInit = {}): Promise<CheckedAnswer> {
      const headers = { ...authorization, ...Object.fromEntries(new Headers(init.headers)) }
      const response = await fetch(`${url}${path}`, { ...init, method, headers })
      return await checkAnswer(method, path, response)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await api[Symbol.asyncDispose]()
    },
  }
}

/** Parses an answer with the schema that the contract has for it. */
export async function checkAnswer(
  method: string,
  path: string,
  response: Response,
): Promise<CheckedAnswer> {
  const { status, headers } = response
  const text = await response.text()
  if (text === '') return { status, headers, body: {} }
  if (status >= 400) return { status, headers, body: ProblemView.parse(JSON.parse(text)) }
  const operation = Object.values(operations).find(
    (one) => one.method === method.toLowerCase() && pattern(one.path).test(path),
  )
  if (operation === undefined) throw new Error(`${method} ${path} is not in the contract`)
  if (operation.success.status !== status) throw new Error(`${method} ${path} answered ${status}`)
  if (operation.success.contentType !== 'application/json') return { status, headers, body: {} }
  const body: CheckedBody = JSON.parse(text)
  if ('schema' in operation.success) operation.success.schema.parse(body)
  return { status, headers, body }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}(\\?.*)?$`)
}

function createMemoryQueues(queued: string[]): JobQueues {
  return {
    addOpen: async ({ jobId }) => void queued.push(`open ${jobId}`),
    addParts: async ({ jobId }) => void queued.push(`parts ${jobId}`),
    addFinalize: async ({ jobId }) => void queued.push(`finalize ${jobId}`),
    changePriority: async ({ jobId }, _parts, priority) =>
      void queued.push(`priority ${priority} ${jobId}`),
    addAbort: async ({ jobId }) => void queued.push(`abort ${jobId}`),
  }
}

/** The same uploads in every vault. */
function createMemoryUploads(uploads: OpenUpload[]) {
  return {
    async *listUploads() {
      yield* [...uploads]
    },
    async abortUpload({ uploadId }: { readonly uploadId: string }) {
      const index = uploads.findIndex((upload) => upload.uploadId === uploadId)
      if (index >= 0) uploads.splice(index, 1)
    },
  }
}

function createMemoryVaults() {
  const vaults = new Map<string, VaultDescription>()
  return {
    async createVault(name: string) {
      const createdAt = '2026-01-01T00:00:00.000Z'
      const arn = `arn:aws:glacier:eu-west-1:123456789012:vaults/${name}`
      vaults.set(name, { name, arn, createdAt, archiveCount: 0, sizeBytes: 0 })
    },
    async *listVaults() {
      yield* [...vaults.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}
