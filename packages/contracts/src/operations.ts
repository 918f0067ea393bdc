import { z } from 'zod'
import { VaultName } from './fields.ts'
import { JobChange, JobRequest } from './job-request.ts'
import type { Operation } from './operation.ts'
import { operatorOperations } from './operator-operations.ts'
import { IdempotencyKey, JobsQuery, PageQuery, PartsQuery } from './queries.ts'
import {
  JobId,
  JobListView,
  JobView,
  PartListView,
  VaultCreatedView,
  VaultListView,
} from './views.ts'

const json = 'application/json'
const JobParams = z.object({ id: JobId })
const jobAnswer = {
  status: 200,
  description: 'The job',
  schema: JobView,
  contentType: json,
} as const
const acceptedAnswer = { ...jobAnswer, status: 202 } as const
const EventHeaders = z.object({
  'last-event-id': z.string().max(64).optional().meta({
    description: 'Continues after this event, as browsers do by themselves when they reconnect',
  }),
})
const eventsAnswer = {
  status: 200,
  description:
    'Server-Sent Events: `state` (data: StateEvent, with an id) and `progress` (data: ProgressEvent); comments as heartbeat',
  contentType: 'text/event-stream',
  schema: z.string(),
} as const

function command(name: string, summary: string, description: string) {
  return {
    method: 'post',
    path: `/v1/jobs/{id}/${name}`,
    summary,
    description,
    access: 'token',
    tag: 'jobs',
    params: JobParams,
    success: acceptedAnswer,
    problems: [404, 409],
  } as const
}

function probe(path: string, summary: string) {
  return {
    method: 'get',
    path,
    summary,
    access: 'open',
    tag: 'service',
    success: {
      status: 200,
      description: 'Yes',
      contentType: json,
      schema: z.object({ status: z.string() }),
    },
    problems: [],
  } as const
}

export const operations = {
  createJob: {
    method: 'post',
    path: '/v1/jobs',
    summary: 'Archive something',
    description:
      'Answers once the job is on stable storage; what becomes of it shows in its state. After an answer of 503, or none, send it again with the same Idempotency-Key.',
    access: 'token',
    tag: 'jobs',
    headers: z.object({ 'idempotency-key': IdempotencyKey.optional() }),
    body: JobRequest,
    success: {
      ...acceptedAnswer,
      headers: z.object({
        location: z.string().meta({ description: 'Path of the job' }),
        'idempotency-replayed': z
          .literal('true')
          .optional()
          .meta({ description: 'Present when the job was made by an earlier request' }),
      }),
    },
    problems: [403, 413, 415, 422],
  },
  listJobs: {
    method: 'get',
    path: '/v1/jobs',
    summary: 'List jobs, newest first',
    description:
      'With `vault` or `label` a page may be shorter than `limit`, even empty, and still have a `nextCursor`.',
    access: 'token',
    tag: 'jobs',
    query: JobsQuery,
    success: { ...jobAnswer, description: 'A page of jobs', schema: JobListView },
    problems: [],
  },
  getJob: {
    method: 'get',
    path: '/v1/jobs/{id}',
    summary: 'Look at a job',
    access: 'token',
    tag: 'jobs',
    params: JobParams,
    success: jobAnswer,
    problems: [404],
  },
  changeJob: {
    method: 'patch',
    path: '/v1/jobs/{id}',
    summary: 'Change the priority of a job',
    description:
      'For what is still to be opened or uploaded, also where it waits already. After a loss of Redis the job has the priority again that it was posted with.',
    access: 'token',
    tag: 'jobs',
    params: JobParams,
    body: JobChange,
    success: jobAnswer,
    problems: [404, 409, 413, 415, 422],
  },
  listParts: {
    method: 'get',
    path: '/v1/jobs/{id}/parts',
    summary: 'List the parts of a job',
    access: 'token',
    tag: 'jobs',
    params: JobParams,
    query: PartsQuery,
    success: { ...jobAnswer, description: 'A page of parts', schema: PartListView },
    problems: [404],
  },
  jobEvents: {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    summary: 'Watch a job',
    description: 'Begins with a `state` event that shows the job as it is.',
    access: 'token',
    tag: 'jobs',
    params: JobParams,
    headers: EventHeaders,
    success: eventsAnswer,
    problems: [404, 429],
  },
  allEvents: {
    method: 'get',
    path: '/v1/events',
    summary: 'Watch all jobs',
    description: 'Without Last-Event-ID it begins with what happens next.',
    access: 'token',
    tag: 'jobs',
    headers: EventHeaders,
    success: eventsAnswer,
    problems: [429],
  },
  pauseJob: command('pause', 'Pause a job', 'Parts in flight finish; no further ones begin.'),
  resumeJob: command('resume', 'Resume a paused job', 'Uploaded parts are kept.'),
  cancelJob: command(
    'cancel',
    'Cancel a job',
    'Parts in flight are abandoned and the multipart upload is aborted. Refused once the archive is being made.',
  ),
  retryJob: command('retry', 'Retry a failed job', 'Keeps uploaded parts where the upload lives.'),
  listVaults: {
    method: 'get',
    path: '/v1/vaults',
    summary: 'List vaults',
    access: 'token',
    tag: 'vaults',
    query: PageQuery,
    success: { ...jobAnswer, description: 'A page of vaults', schema: VaultListView },
    problems: [502, 504],
  },
  createVault: {
    method: 'put',
    path: '/v1/vaults/{name}',
    summary: 'Create a vault',
    description: 'Creating one that exists changes nothing.',
    access: 'token',
    tag: 'vaults',
    params: z.object({ name: VaultName }),
    success: { ...jobAnswer, description: 'It exists', schema: VaultCreatedView },
    problems: [422, 502, 504],
  },
  ...operatorOperations,
  healthz: probe('/healthz', 'Whether the process runs'),
  readyz: probe('/readyz', 'Whether the API can accept jobs; 503 when not'),
  metrics: {
    ...probe('/metrics', 'Metrics for Prometheus'),
    success: {
      status: 200,
      description: 'Text format; OpenMetrics, with exemplars, for who accepts that',
      contentType: 'text/plain',
    },
  },
  openapi: {
    ...probe('/openapi.json', 'This document'),
    success: { status: 200, description: 'OpenAPI 3.1', contentType: json },
  },
  docs: {
    ...probe('/docs', 'This document, for people'),
    success: { status: 200, description: 'A page', contentType: 'text/html' },
  },
} as const satisfies Record<string, Operation>

export type OperationId = keyof typeof operations
