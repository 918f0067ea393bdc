import { z } from 'zod'
import { ArchiveListView, ReceiptView, UploadAbortedView, UploadListView } from './archive-views.ts'
import {
  ControlsChange,
  ControlsView,
  HoldRequest,
  RetryReportView,
  RetryRequest,
  WorkerListView,
} from './control-views.ts'
import { VaultName } from './fields.ts'
import type { Operation } from './operation.ts'
import { PageQuery } from './queries.ts'

function success<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { status: 200, description, schema, contentType: 'application/json' } as const
}

const controlsAnswer = success('What holds now; workers follow within about a second', ControlsView)
const WorkerParams = z.object({
  name: z.string().meta({ description: 'As GET /v1/workers names it' }),
})

function hold(name: 'pause' | 'resume', summary: string, description: string) {
  return {
    method: 'post',
    path: `/v1/${name}`,
    ...{ summary, description },
    access: 'token',
    tag: 'operator',
    body: HoldRequest,
    isBodyOptional: true,
    success: controlsAnswer,
    problems: [413, 415, 422],
  } as const
}

function workerCommand(name: 'drain' | 'undrain', summary: string, description: string) {
  return {
    method: 'post',
    path: `/v1/workers/{name}/${name}`,
    ...{ summary, description },
    access: 'token',
    tag: 'operator',
    params: WorkerParams,
    success: controlsAnswer,
    problems: [404],
  } as const
}

/** What operators ask for, and what they look at. */
export const operatorOperations = {
  retryJobs: {
    method: 'post',
    path: '/v1/jobs/retry',
    summary: 'Retry all failed jobs that match',
    description: 'Goes on for about two seconds; with a nextCursor there may be more.',
    access: 'token',
    tag: 'jobs',
    body: RetryRequest,
    isBodyOptional: true,
    success: success('How many', RetryReportView),
    problems: [413, 415, 422],
  },
  listArchives: {
    method: 'get',
    path: '/v1/archives',
    summary: 'List archives, newest job first',
    access: 'token',
    tag: 'archives',
    query: PageQuery,
    success: success('A page of receipts, without the hashes of parts', ArchiveListView),
    problems: [],
  },
  getArchive: {
    method: 'get',
    path: '/v1/archives/{archiveId}',
    summary: 'The receipt of an archive',
    access: 'token',
    tag: 'archives',
    params: z.object({ archiveId: z.string() }),
    success: success('The receipt', ReceiptView),
    problems: [404],
  },
  listUploads: {
    method: 'get',
    path: '/v1/vaults/{name}/uploads',
    summary: 'List the multipart uploads in progress in a vault, oldest first',
    access: 'token',
    tag: 'vaults',
    params: z.object({ name: VaultName }),
    query: PageQuery,
    success: success('A page of uploads', UploadListView),
    problems: [404, 422, 502, 504],
  },
  abortUpload: {
    method: 'delete',
    path: '/v1/vaults/{name}/uploads/{uploadId}',
    summary: 'Abort a multipart upload that no job needs',
    access: 'token',
    tag: 'vaults',
    params: z.object({ name: VaultName, uploadId: z.string() }),
    success: success('It is gone', UploadAbortedView),
    problems: [404, 409, 422, 502, 504],
  },
  getControls: {
    method: 'get',
    path: '/v1/controls',
    summary: 'What operators have set',
    access: 'token',
    tag: 'operator',
    success: controlsAnswer,
    problems: [],
  },
  changeControls: {
    method: 'patch',
    path: '/v1/controls',
    summary: 'Set some of it',
    description: 'What is absent stays as it is; a list replaces the list.',
    access: 'token',
    tag: 'operator',
    body: ControlsChange,
    success: controlsAnswer,
    problems: [413, 415, 422],
  },
  pause: hold(
    'pause',
    'Hold everything, or one vault',
    'Parts in flight finish; no further ones begin. Jobs are accepted all the same, and what has all its parts becomes an archive.',
  ),
  resume: hold(
    'resume',
    'Release everything, or one vault',
    'Without a vault, vaults that are held by name stay so. Work of a released vault begins within some seconds.',
  ),
  listWorkers: {
    method: 'get',
    path: '/v1/workers',
    summary: 'List the workers that have reported within 15 seconds, by name',
    access: 'token',
    tag: 'operator',
    query: PageQuery,
    success: success('A page of workers', WorkerListView),
    problems: [],
  },
  drainWorker: workerCommand(
    'drain',
    'Tell a worker to begin nothing more',
    'It finishes what it has begun and stays; `holding` with `busy` 0 says that it can be ended.',
  ),
  undrainWorker: workerCommand('undrain', 'Let a worker work again', 'Repeating changes nothing.'),
} as const satisfies Record<string, Operation>
