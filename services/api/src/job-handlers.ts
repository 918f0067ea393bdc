import {
  JobChange,
  JobsQuery,
  jobToView,
  PartsQuery,
  partsToViews,
  RetryRequest,
} from '@firn/contracts'
import { AppError, advance, type Controls, type Job, type JobId, uploadOf } from '@firn/core'
import { acceptJob, commandJob, type JobCommand, prioritizeJob } from '@firn/engine'
import type { Journal } from '@firn/journal'
import type { JobQueues } from '@firn/queue'
import type { JobStore, StoredJob } from '@firn/store'
import type { Admission } from './admission.ts'
import type { Call, Handler } from './call.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { listJobs } from './list-jobs.ts'
import { readBody, readIdempotencyKey, readJobId, readJobRequest, readQuery } from './read-input.ts'
import { RequestError } from './request-error.ts'
import { retryJobs } from './retry-jobs.ts'
import { checkSourceAllowed } from './source-policy.ts'

export interface JobHandlerDeps {
  readonly store: JobStore
  readonly journal: Journal
  readonly queues: JobQueues
  readonly controls: () => Controls
  readonly now: () => number
  readonly randomBytes: (count: number) => Uint8Array
  readonly sourceRoots: readonly string[]
  readonly admission: Pick<Admission, 'check'>
}

const commands = ['pause', 'resume', 'cancel', 'retry'] as const satisfies readonly JobCommand[]

/** The calls about jobs, but for their events. */
export function jobHandlers(deps: JobHandlerDeps) {
  return {
    createJob: (call) => createJob(deps, call),
    async listJobs({ req, signal }) {
      const query = readQuery(JobsQuery, req.url)
      const filter = {
        state: query.state ?? null,
        vault: query.vault ?? null,
        labels: query.label,
        limit: query.limit,
        cursor: decodeCursor('jobs', query.cursor),
      }
      const { items, nextCursor } = await listJobs(deps.store, filter, signal)
      const next = nextCursor === null ? null : encodeCursor('jobs', nextCursor)
      return { body: { items: items.map(jobToView), nextCursor: next } }
    },
    async getJob({ params, signal }) {
      return { body: jobToView(await loadJob(deps.store, readJobId(params.id), signal)) }
    },
    async changeJob({ req, params, signal, log }) {
      const id = readJobId(params.id)
      const { priority } = readBody(JobChange, req.body, 'The change')
      const stored = await prioritizeJob(deps, id, priority, signal)
      log.info({ jobId: id, priority }, 'an operator changed the priority of a job')
      return { body: jobToView(stored) }
    },
    retryJobs: (call) => retryMatching(deps, call),
    listParts: (call) => listParts(deps.store, call),
    pauseJob: (call) => command(deps, call, 'pause'),
    resumeJob: (call) => command(deps, call, 'resume'),
    cancelJob: (call) => command(deps, call, 'cancel'),
    retryJob: (call) => command(deps, call, 'retry'),
  } as const satisfies Record<string, Handler>
}

async function createJob(deps: JobHandlerDeps, { req, signal, log }: Call) {
  const idempotencyKey = readIdempotencyKey(req)
  const request = readJobRequest(req.body)
  checkSourceAllowed(request.source, deps.sourceRoots)
  deps.admission.check()
  const { stored, isReplay } = await acceptJob(deps, { ...request, idempotencyKey }, signal)
  const { id, vault } = stored.job.definition
  log.debug({ jobId: id, vault, isReplay }, 'job accepted')
  return {
    body: jobToView(stored),
    headers: {
      location: `/v1/jobs/${id}`,
      ...(isReplay && { 'idempotency-replayed': 'true' }),
    },
  }
}

async function retryMatching(deps: JobHandlerDeps, { req, signal, log }: Call) {
  const asked = readBody(RetryRequest, req.body, 'The request')
  const filter = {
    vault: asked.vault ?? null,
    labels: Object.entries(asked.labels ?? {}).map(([key, value]) => `${key}:${value}`),
    errorCode: asked.errorCode ?? null,
    cursor: decodeCursor('retry', asked.cursor),
  }
  const { nextCursor, ...counts } = await retryJobs(deps, filter, signal)
  log.info(counts, 'an operator retried failed jobs')
  const next = nextCursor === null ? null : encodeCursor('retry', nextCursor)
  return { body: { ...counts, nextCursor: next } }
}

/** The job, or a refusal: JOB_NOT_FOUND, or STORE_UNAVAILABLE while lost jobs are being rebuilt. */
export async function loadJob(store: JobStore, id: JobId, signal: AbortSignal): Promise<StoredJob> {
  const stored = await store.load(id, signal)
  if (stored !== undefined) return stored
  if (!(await store.hasMark(signal))) {
    throw new AppError('STORE_UNAVAILABLE', `Job ${id} may be missing: Redis is being rebuilt`)
  }
  // The mark comes after all jobs: one that was missing before it may be there by now.
  const rebuilt = await store.load(id, signal)
  if (rebuilt !== undefined) return rebuilt
  throw new AppError('JOB_NOT_FOUND', `There is no job ${id}`)
}

async function listParts(store: JobStore, { req, params, signal }: Call) {
  const query = readQuery(PartsQuery, req.url)
  const start = Number(decodeCursor('parts', query.cursor) ?? 0)
  const { job } = await loadJob(store, readJobId(params.id), signal)
  const upload = uploadOf(job.progress)
  if (upload === null) return { body: { items: [], nextCursor: null } }
  const { plan } = upload
  const table = await store.loadParts(
    {
      jobId: job.definition.id,
      generation: job.progress.generation,
      partCount: plan.partCount,
    },
    signal,
  )
  const items = partsToViews(plan, table, { start, limit: query.limit })
  const end = start + items.length
  const nextCursor = end < plan.partCount ? encodeCursor('parts', String(end)) : null
  return { body: { items, nextCursor } }
}

async function command(deps: JobHandlerDeps, { params, signal, log }: Call, name: JobCommand) {
  const id = readJobId(params.id)
  try {
    const stored = await commandJob(deps, id, name, signal)
    log.debug({ jobId: id, command: name, state: stored.job.progress.state }, 'job commanded')
    return { body: jobToView(stored) }
  } catch (error) {
    const code = error instanceof AppError ? error.code : null
    if (code !== 'JOB_STATE_CONFLICT' && code !== 'JOB_NOT_FOUND') throw error
    const { job } = await loadJob(deps.store, id, signal)
    const state = job.progress.state
    throw new RequestError('JOB_STATE_CONFLICT', `Cannot ${name} a job that is ${state}`, {
      cause: error,
      extras: { allowed: allowedCommands(job, deps.now()) },
    })
  }
}

/** The commands that would change something. */
function allowedCommands(job: Job, nowMs: number): JobCommand[] {
  return commands.filter((type) => {
    const next = advance(job, { type }, nowMs)
    return next.ok && next.job !== job
  })
}
