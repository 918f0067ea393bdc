import {
  jobToProgressEvent,
  jobToView,
  type ProgressEventView,
  type StateEventView,
} from '@firn/contracts'
import type { JobId } from '@firn/core'
import type { JobStore } from '@firn/store'
import type { Call, Handler } from './call.ts'
import type { EventHub } from './event-hub.ts'
import { loadJob } from './job-handlers.ts'
import { readJobId } from './read-input.ts'
import { RequestError } from './request-error.ts'
import { openSseStream } from './sse-stream.ts'

export interface EventHandlerDeps {
  readonly store: JobStore
  readonly hub: EventHub
  readonly streamCountMax: number
  /** Streams end when it aborts: their clients come back, to another process. */
  readonly stopping: AbortSignal
}

/** The calls that go on answering as things happen. */
export function eventHandlers(deps: EventHandlerDeps) {
  let streamCount = 0
  const stream = async (call: Call, jobId: JobId | null): Promise<null> => {
    if (streamCount >= deps.streamCountMax) {
      throw new RequestError('STREAMS_EXHAUSTED', `${streamCount} event streams are open already`)
    }
    streamCount += 1
    try {
      await tell(deps, call, jobId)
    } finally {
      streamCount -= 1
    }
    return null
  }
  return {
    async jobEvents(call) {
      const id = readJobId(call.params.id)
      await loadJob(deps.store, id, call.signal)
      return await stream(call, id)
    },
    async allEvents(call) {
      // While the store is away this is a problem, not a stream that breaks off.
      await deps.store.lastEventId(call.signal)
      return await stream(call, null)
    },
  } as const satisfies Record<string, Handler>
}

async function tell(deps: EventHandlerDeps, call: Call, jobId: JobId | null): Promise<void> {
  const events = openSseStream(call.req, call.res)
  const onStop = (): void => events.end()
  deps.stopping.addEventListener('abort', onStop, { once: true })
  try {
    using _watching = await deps.hub.watch(
      {
        jobId,
        afterId: readLastEventId(call),
        onState(id, state, stored) {
          const job = jobToView(stored)
          const data: StateEventView = { jobId: stored.job.definition.id, state, job }
          events.send({ type: 'state', id, data })
        },
        onProgress(stored) {
          const data: ProgressEventView = jobToProgressEvent(stored)
          events.send({ type: 'progress', id: null, data })
        },
      },
      call.signal,
    )
    await events.closed
  } finally {
    deps.stopping.removeEventListener('abort', onStop)
  }
}

/** What is not an event id of ours is ignored: the stream then begins with the present. */
function readLastEventId({ req }: Call): string | null {
  const [id] = req.headersDistinct['last-event-id'] ?? []
  return id !== undefined && /^[0-9]{1,20}(-[0-9]{1,20})?$/.test(id) ? id : null
}
