import type { IncomingMessage, ServerResponse } from 'node:http'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { ExpressAdapter } from '@bull-board/express'
import { AppError } from '@firn/core'
import { createQueueViews, type QueueViews } from '@firn/queue'

export interface BoardOptions {
  /** Stays open when the board is disposed. */
  readonly redis: Parameters<typeof createQueueViews>[0]['redis']
  /** Path that the board is reached under, without a slash at the end: `/queues`. */
  readonly basePath: string
}

/** Pages and data about the queues, read-only. Knows no tokens: whoever mounts it lets people in. */
export interface Board extends AsyncDisposable {
  /**
   * Answers a request whose `url` is relative to the base path. Calls `next` instead when there is
   * nothing at that path and, with the error, when the answer cannot be made: `QUEUE_UNAVAILABLE`,
   * or one with a `status` of 400 when the request is at fault.
   */
  readonly serve: (
    req: IncomingMessage,
    res: ServerResponse,
    next: (error?: unknown) => void,
  ) => void
}

/** The part of an Express application that is used here; bull-board types it as `any`. */
type Application = Board['serve'] &
  Readonly<Record<'enable' | 'disable', (setting: string) => void>>

/** As many as the page can be set to; its server would take any number. Each is a read of a hash. */
const JOBS_PER_PAGE_MAX = 300

/** bull-board over the queues. Opens nothing; answers as soon as `redis` does. */
export function createBoard({ redis, basePath }: BoardOptions): Board {
  const views = createQueueViews({ redis })
  const server = new ExpressAdapter()
  server.setBasePath(basePath)
  createBullBoard({
    queues: views.queues.map(adapt),
    serverAdapter: server,
    options: {
      uiBasePath: dirname(fileURLToPath(import.meta.resolve('@bull-board/ui/package.json'))),
      uiConfig: {
        boardTitle: 'Firn queues',
        favIcon: { default: 'static/images/logo.svg', alternative: 'static/favicon-32x32.png' },
        hideDocsLink: true,
        // A CLIENT LIST per queue and poll, and wrong over a cluster. `/v1/workers` knows better.
        showWorkers: false,
      },
    },
  })
  // Its own would put the text of any error, with addresses, into the answer.
  server.setErrorHandler((error) => {
    throw toFailure(error)
  })
  const app: Application = server.getRouter()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('view cache')
  return {
    serve: (req, res, next) => app(req, res, next),
    [Symbol.asyncDispose]: () => views[Symbol.asyncDispose](),
  }
}

function adapt(queue: QueueViews['queues'][number]): BullMQAdapter {
  const adapter = new BullMQAdapter(queue, { readOnlyMode: true })
  const getJobs = adapter.getJobs.bind(adapter)
  adapter.getJobs = (states, start = 0, end = -1) => {
    const last = start + JOBS_PER_PAGE_MAX - 1
    return getJobs(states, start, end < start ? last : Math.min(end, last))
  }
  return adapter
}

function toFailure(error: Error): Error {
  if (error instanceof URIError) return Object.assign(error, { status: 400 })
  if ('status' in error) return error
  return new AppError('QUEUE_UNAVAILABLE', 'Cannot read the queues', { cause: error })
}
