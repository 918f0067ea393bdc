import { invalidParameter, missingParameter, notFound } from '../glacier-error.ts'
import type { Answer, Call, Handler } from '../http/call.ts'
import type { Job, Vault } from '../storage/catalog.ts'
import { isForgotten, jobStatus } from '../storage/lifetimes.ts'
import { archiveJob, archiveOutput } from './archive-jobs.ts'
import type { OperationDependencies } from './dependencies.ts'
import { inventoryJob, inventoryOutput } from './inventory-jobs.ts'
import { describeJob } from './job-description.ts'
import { JobParameters } from './job-parameters.ts'
import { parseJsonBody } from './json-body.ts'
import { takePage } from './page.ts'
import { requiredVault, vaultNotFound } from './resources.ts'

type Dependencies = Omit<OperationDependencies, 'intake' | 'vaultPageMax' | 'uploadIdleMs'>

export function jobOperations(dependencies: Dependencies) {
  const { store, names } = dependencies
  return {
    InitiateJob: (call) => initiateJob(call, dependencies),

    DescribeJob: async (call) => {
      const vault = requiredVault(store, names, call)
      const job = requiredJob(vault, call, dependencies)
      return { status: 200, json: describeJob(dependencies, vault, job) }
    },

    ListJobs: async (call) => listJobs(call, dependencies),
    GetJobOutput: (call) => getJobOutput(call, dependencies),
  } satisfies Record<string, Handler>
}

function requiredJob(vault: Vault, call: Call, { clock }: Dependencies): Job {
  const job = vault.jobs.get(call.id)
  if (job !== undefined && !isForgotten(job, clock.nowMs())) return job
  throw notFound(`The job ID was not found: ${call.id}`)
}

async function initiateJob(call: Call, dependencies: Dependencies): Promise<Answer> {
  const { store, names } = dependencies
  const vault = requiredVault(store, names, call)
  const parameters = parseJsonBody(call, JobParameters)
  const jobId = await createJob(call, { vault, parameters, dependencies })
  if (jobId === undefined) throw vaultNotFound(names, call)
  return {
    status: 202,
    headers: { location: names.location(call, 'jobs', jobId), 'x-amz-job-id': jobId },
  }
}

/** Undefined when the vault was deleted meanwhile. */
async function createJob(
  call: Call,
  input: {
    readonly vault: Vault
    readonly parameters: JobParameters
    readonly dependencies: Dependencies
  },
): Promise<string | undefined> {
  const { vault, parameters, dependencies } = input
  const { store } = dependencies
  switch (parameters.Type ?? '') {
    case 'archive-retrieval': {
      const record = await archiveJob(parameters, vault, dependencies)
      return (await store.createJob(vault, record)) ? record.jobId : undefined
    }
    case 'inventory-retrieval': {
      const tempPath = store.newTempPath()
      try {
        const record = await inventoryJob(parameters, vault, { dependencies, tempPath })
        return (await store.createJob(vault, record, tempPath)) ? record.jobId : undefined
      } finally {
        await store.discard(tempPath)
      }
    }
    case 'select':
      throw invalidParameter('Jobs of type select are not supported')
    case '':
      throw missingParameter('Type')
    default:
      throw invalidParameter(`Invalid job type: ${parameters.Type} in ${call.vaultName}`)
  }
}

function listJobs(call: Call, dependencies: Dependencies): Answer {
  const { store, names, clock, pageMax } = dependencies
  const vault = requiredVault(store, names, call)
  const nowMs = clock.nowMs()
  const isWanted = jobFilter(call, (job) => jobStatus(vault, job, nowMs))
  const jobs = [...vault.jobs.values()]
    .filter((job) => !isForgotten(job, nowMs) && isWanted(job))
    .map((job) => {
      const { createdAtMs, jobId } = job.record
      return { position: `${String(createdAtMs).padStart(15, '0')} ${jobId}`, item: job }
    })
    .sort((a, b) => (a.position < b.position ? -1 : 1))
  const { items, marker } = takePage(call, jobs, pageMax)
  return {
    status: 200,
    json: { JobList: items.map((job) => describeJob(dependencies, vault, job)), Marker: marker },
  }
}

function jobFilter(call: Call, statusOf: (job: Job) => string): (job: Job) => boolean {
  const status = call.query.get('statuscode') ?? ''
  const completed = call.query.get('completed') ?? ''
  if (!['', 'InProgress', 'Succeeded', 'Failed'].includes(status)) {
    throw invalidParameter(`The job status code is not valid: ${status}`)
  }
  if (!['', 'true', 'false'].includes(completed)) {
    throw invalidParameter(`The completed value is not valid: ${completed}`)
  }
  return (job) => {
    const actual = statusOf(job)
    if (status !== '' && status !== actual) return false
    return completed === '' || (completed === 'true') === (actual !== 'InProgress')
  }
}

async function getJobOutput(call: Call, dependencies: Dependencies): Promise<Answer> {
  const { store, names, clock } = dependencies
  const vault = requiredVault(store, names, call)
  const job = requiredJob(vault, call, dependencies)
  const { record } = job
  const unavailable = `The job is not currently available for download: ${call.id}`
  if (jobStatus(vault, job, clock.nowMs()) !== 'Succeeded') throw invalidParameter(unavailable)
  if (record.kind === 'inventory-retrieval') return inventoryOutput(call, { vault, job, record })
  const archive = vault.archives.get(record.archiveId)
  if (archive === undefined) throw invalidParameter(unavailable)
  return archiveOutput(call, { vault, archive, record, dependencies })
}
