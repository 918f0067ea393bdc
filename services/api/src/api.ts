import type { Board } from '@firn/board'
import type { Controls } from '@firn/core'
import type { Glacier, Vaults } from '@firn/glacier'
import type { Journal } from '@firn/journal'
import type { JobQueues } from '@firn/queue'
import { type Logger, probeHandler } from '@firn/runtime'
import type { ControlStore, JobStore } from '@firn/store'
import type { Registry } from 'prom-client'
import type { Admission } from './admission.ts'
import { type ApiServer, openApiServer } from './api-server.ts'
import { createApp, type Deadlines } from './app.ts'
import { archiveHandlers } from './archive-handlers.ts'
import { boardHandler } from './board-handler.ts'
import { controlHandlers } from './control-handlers.ts'
import { eventHandlers } from './event-handlers.ts'
import { createEventHub } from './event-hub.ts'
import { createHttpMetrics, registerJobMetrics } from './http-metrics.ts'
import { jobHandlers } from './job-handlers.ts'
import { serviceHandlers } from './service-handlers.ts'
import { createTokenCheck } from './token-check.ts'
import { uploadHandlers } from './upload-handlers.ts'
import { vaultHandlers } from './vault-handlers.ts'

export interface ApiOptions {
  readonly host: string
  readonly port: number
  readonly tokens: readonly string[]
  readonly sourceRoots: readonly string[]
  readonly streamCountMax: number
  readonly store: JobStore
  readonly controlStore: ControlStore
  readonly journal: Journal
  readonly queues: JobQueues
  /** As this process knows them by now. */
  readonly controls: () => Controls
  readonly vaults: Vaults
  readonly glacier: Pick<Glacier, 'listUploads' | 'abortUpload'>
  /** The pages about the queues, made when they are first asked for. */
  readonly loadBoard: () => Promise<Pick<Board, 'serve'>>
  readonly admission: Pick<Admission, 'check'>
  readonly registry: Registry
  readonly now: () => number
  readonly randomBytes: (count: number) => Uint8Array
  /** Rejects while the store or the journal cannot take a job. */
  readonly checkReady: (signal: AbortSignal) => Promise<void>
  readonly log: Logger
  /** Aborts when the process begins to stop. */
  readonly stopping: AbortSignal
  readonly deadlines: Deadlines
}

const EVENT_POLL_MS = 300

/** Puts the API together over its ports and listens. */
export async function openApi(options: ApiOptions): Promise<ApiServer> {
  const { store, log, stopping, registry } = options
  await using resources = new AsyncDisposableStack()
  const hub = resources.use(
    createEventHub({
      store,
      pollMs: EVENT_POLL_MS,
      onError: (error) => log.warn({ err: error }, 'events cannot be read; trying again'),
    }),
  )
  const metrics = createHttpMetrics(registry)
  registerJobMetrics(registry, store)
  const app = createApp({
    handlers: {
      ...jobHandlers(options),
      ...eventHandlers({ store, hub, streamCountMax: options.streamCountMax, stopping }),
      ...controlHandlers(options),
      ...archiveHandlers(options),
      ...vaultHandlers(options),
      ...uploadHandlers(options),
      ...serviceHandlers({ probe: probeHandler(options), version: '0.1.0' }),
    },
    board: boardHandler({
      isAuthorized: createTokenCheck(options.tokens, ['basic', 'bearer']),
      loadBoard: options.loadBoard,
      metrics,
      stopping,
      deadlineMs: options.deadlines.requestMs,
    }),
    isAuthorized: createTokenCheck(options.tokens),
    metrics,
    log,
    stopping,
    deadlines: options.deadlines,
  })
  const server = resources.use(await openApiServer({ ...options, listener: app }))
  const owned = resources.move()
  return {
    address: server.address,
    port: server.port,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
