import { setTimeout as sleep } from 'node:timers/promises'
import { type JobRequest, JobView, ProgressEventView, StateEventView } from '@firn/contracts'
import { isFinished } from '@firn/core'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { z } from 'zod'

const REQUEST_MAX_MS = 30_000
const RECONNECT_MS = 250

const Problem = z.object({
  code: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})

/** An answer of the API that is not a success, in its own words. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export type JobCommand = 'pause' | 'resume' | 'cancel' | 'retry'

export interface ApiClient {
  readonly createVault: (name: string, signal: AbortSignal) => Promise<void>
  readonly createJob: (request: z.input<typeof JobRequest>, signal: AbortSignal) => Promise<JobView>
  readonly getJob: (id: string, signal: AbortSignal) => Promise<JobView>
  readonly command: (id: string, command: JobCommand, signal: AbortSignal) => Promise<JobView>
  /**
   * The job at each change that the API tells of, the last time when it is archived, failed or
   * cancelled. Survives lost connections and restarts of the API.
   */
  readonly watchJob: (id: string, signal: AbortSignal) => AsyncIterable<JobView>
}

/** Speaks to a Firn API over HTTP, as any of its users would. */
export function createApiClient(options: {
  readonly url: string
  readonly token: string
}): ApiClient {
  const request: Send = async (method, path, input, signal) => {
    const response = await fetch(`${options.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: input.accept ?? 'application/json',
        ...(input.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
      signal,
    })
    if (!response.ok) throw await toApiError(response)
    return response
  }
  const job = async (
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<JobView> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MAX_MS)])
    const response = await request(method, path, { body }, limit)
    return JobView.parse(await response.json())
  }
  const getJob = (id: string, signal: AbortSignal): Promise<JobView> =>
    job('GET', `/v1/jobs/${id}`, undefined, signal)

  return {
    async createVault(name, signal) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MAX_MS)])
      const response = await request('PUT', `/v1/vaults/${name}`, {}, limit)
      await response.body?.cancel()
    },
    createJob: (body, signal) => job('POST', '/v1/jobs', body, signal),
    getJob,
    command: (id, command, signal) => job('POST', `/v1/jobs/${id}/${command}`, undefined, signal),
    async *watchJob(id, signal) {
      let current = await getJob(id, signal)
      yield current
      while (!isFinished(current.state)) {
        for await (const event of streamEvents(request, id, signal)) {
          current = applyEvent(current, event)
          yield current
          if (isFinished(current.state)) return
        }
        // The stream ended early: events may have been missed.
        await sleep(RECONNECT_MS, undefined, { signal })
        current = await getJob(id, signal).catch(() => current)
      }
      yield current
    },
  }
}

type Send = (
  method: string,
  path: string,
  input: { readonly body?: unknown; readonly accept?: string },
  signal: AbortSignal,
) => Promise<Response>

interface ServerEvent {
  readonly event?: string | undefined
  readonly data: string
}

/** The events of one connection; a connection that fails ends them, since the next may succeed. */
async function* streamEvents(
  send: Send,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<ServerEvent> {
  try {
    const accept = 'text/event-stream'
    const { body } = await send('GET', `/v1/jobs/${id}/events`, { accept }, signal)
    if (body === null) return
    yield* body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ApiError && error.status < 500) throw error
  }
}

function applyEvent(job: JobView, { event, data }: ServerEvent): JobView {
  if (event === 'state') return StateEventView.parse(JSON.parse(data)).job
  if (event !== 'progress') return job
  const { parts, bytes, bytesPerSecond, etaSeconds } = ProgressEventView.parse(JSON.parse(data))
  return { ...job, parts, bytes, bytesPerSecond, etaSeconds }
}

async function toApiError(response: Response): Promise<ApiError> {
  const text = await response.text()
  try {
    const { code, detail, errors } = Problem.parse(JSON.parse(text))
    const fields = (errors ?? []).map(({ path, message }) => `${path}: ${message}`)
    return new ApiError(response.status, code, [detail, ...fields].join('; '))
  } catch {
    return new ApiError(
      response.status,
      'UNKNOWN',
      `HTTP ${response.status}: ${text.slice(0, 500)}`,
    )
  }
}
