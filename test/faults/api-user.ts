import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

/** What a user reads of a job, by the documentation alone. */
const Job = z.object({
  id: z.string(),
  state: z.string(),
  size: z.number().nullable(),
  parts: z.object({ total: z.number().nullable(), uploaded: z.number() }),
  bytes: z.object({ total: z.number().nullable(), uploaded: z.number() }),
  uploadId: z.string().nullable(),
  archiveId: z.string().nullable(),
  sha256TreeHash: z.string().nullable(),
  finishedAt: z.string().nullable(),
  error: z.object({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
})
export type Job = Readonly<z.infer<typeof Job>>

const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string(),
})

/** A request for a job and what came back: like a Jepsen history, an outcome may be unknown. */
export interface PostRecord {
  readonly atMs: number
  readonly key: string
  readonly outcome:
    | { readonly type: 'accepted'; readonly jobId: string }
    | {
        readonly type: 'refused'
        readonly status: number
        readonly code: string
        readonly isRetryable: boolean
      }
    | { readonly type: 'unknown'; readonly why: string }
}

/** How the API answered a question; status 0 when it did not. */
export interface Answer {
  readonly status: number
  /** Whether it said when to try again. */
  readonly isRetryable: boolean
  readonly text: string
}

/** A job as it was seen at some moment. */
export interface Sample {
  readonly atMs: number
  readonly job: Job
}

export interface JobBody {
  readonly vault: string
  readonly source: { readonly type: 'file'; readonly path: string }
  readonly partSize?: number
  readonly expected?: { readonly sha256?: string; readonly sha256TreeHash?: string }
}

export type Command = 'pause' | 'resume' | 'cancel' | 'retry'

/** A client that remembers all it did and saw. */
export interface ApiUser extends AsyncDisposable {
  readonly post: (body: JobBody, key: string) => Promise<PostRecord['outcome']>
  /** Undefined when the API does not answer, or not with a job. */
  readonly get: (id: string) => Promise<Job | undefined>
  /** A GET of any path, whatever the answer. */
  readonly ask: (path: string) => Promise<Answer>
  /** The status of the answer, or 0 when there was none. */
  readonly command: (id: string, command: Command) => Promise<number>
  readonly posts: readonly PostRecord[]
  readonly samples: readonly Sample[]
  readonly commands: readonly { readonly id: string; readonly command: Command }[]
  /** Accepted jobs of which it was said that there is no such job. */
  readonly denied: readonly string[]
  /** Answers of 400 and more that are not problems as RFC 9457 has them. */
  readonly badProblems: readonly string[]
}

const REQUEST_MAX_MS = 15_000
const SAMPLE_MS = 100
/** The latest jobs, which are looked at all the time, and as many of the others in turn. */
const WATCHED_MAX = 50

interface Access {
  readonly url: string
  readonly token: string
}

export function openApiUser(access: Access): ApiUser {
  const posts: PostRecord[] = []
  const samples: Sample[] = []
  const commands: { readonly id: string; readonly command: Command }[] = []
  const denied: string[] = []
  const badProblems: string[] = []
  const stopping = new AbortController()
  const watched = new Set<string>()

  const send = createSender(access, (text) => badProblems.push(text))

  const get = async (id: string): Promise<Job | undefined> => {
    try {
      const { status, text } = await send('GET', `/v1/jobs/${id}`, {})
      if (status === 404 && watched.has(id)) denied.push(id)
      if (status !== 200) return undefined
      const job = Job.parse(JSON.parse(text))
      samples.push({ atMs: Date.now(), job })
      return job
    } catch {
      return undefined
    }
  }

  const watchedIn = (round: number): readonly string[] => {
    const latest = [...watched]
    const others = latest.splice(0, latest.length - Math.min(latest.length, WATCHED_MAX))
    const turns = Math.ceil(others.length / WATCHED_MAX) || 1
    const first = (round % turns) * WATCHED_MAX
    return [...latest, ...others.slice(first, first + WATCHED_MAX)]
  }

  const watch = async (): Promise<void> => {
    for (let round = 0; !stopping.signal.aborted; round += 1) {
      for (const id of watchedIn(round)) if (!stopping.signal.aborted) await get(id)
      await sleep(SAMPLE_MS, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  const watching = watch()

  return {
    posts,
    samples,
    commands,
    denied,
    badProblems,
    get,
    ask: (path) =>
      send('GET', path, {}).catch((error) => ({
        status: 0,
        isRetryable: true,
        text: reason(error),
      })),
    async post(body, key) {
      const atMs = Date.now()
      const outcome = await send('POST', '/v1/jobs', { body, key }).then(readPost, unknown)
      posts.push({ atMs, key, outcome })
      if (outcome.type === 'accepted') watched.add(outcome.jobId)
      return outcome
    },
    async command(id, command) {
      commands.push({ id, command })
      try {
        return (await send('POST', `/v1/jobs/${id}/${command}`, {})).status
      } catch {
        return 0
      }
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      await watching
    },
  }
}

function createSender(access: Access, onBadProblem: (text: string) => void) {
  return async (
    method: string,
    path: string,
    init: { key?: string; body?: JobBody },
  ): Promise<Answer> => {
    const response = await fetch(`${access.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${access.token}`,
        ...(init.body !== undefined && { 'content-type': 'application/json' }),
        ...(init.key !== undefined && { 'idempotency-key': init.key }),
      },
      ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
      signal: AbortSignal.timeout(REQUEST_MAX_MS),
    })
    const text = await response.text()
    const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
    const isForProbes = !path.startsWith('/v1/')
    if (response.status >= 400 && !isProblem && !isForProbes)
      onBadProblem(`${method} ${path}: ${text}`)
    const isRetryable = Number(response.headers.get('retry-after')) > 0
    return { status: response.status, isRetryable, text }
  }
}

function readPost({ status, isRetryable, text }: Answer): PostRecord['outcome'] {
  if (status === 202) return { type: 'accepted', jobId: Job.parse(JSON.parse(text)).id }
  return { type: 'refused', status, isRetryable, code: Problem.parse(JSON.parse(text)).code }
}

function unknown(error: unknown): PostRecord['outcome'] {
  return { type: 'unknown', why: reason(error) }
}

/** What broke the connection: fetch says no more than that something did. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  const code = cause instanceof Error && 'code' in cause ? cause.code : error.message
  return String(code)
}
