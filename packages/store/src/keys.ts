import { type JobId, type JobState, jobStates } from '@firn/core'

/** Keys of one job; the hash tag keeps them in one slot of a cluster. */
export const jobKey = (id: JobId): string => `firn:{${id}}`
export const workersKey = (id: JobId): string => `firn:{${id}}:workers`

export interface PartKeys {
  /** One bit a part: recorded. */
  readonly bits: string
  /** 32 bytes a part: its tree hash. */
  readonly hashes: string
  /** 4 bytes a part: attempts and worker. */
  readonly meta: string
}

export function partKeys(id: JobId, generation: number): PartKeys {
  const prefix = `${jobKey(id)}:${generation}`
  return { bits: `${prefix}:bits`, hashes: `${prefix}:hashes`, meta: `${prefix}:meta` }
}

/** All jobs, as members that sort by creation time. */
export const jobsKey = 'firn:{index}:jobs'
/** The jobs that have work left. */
export const dueKey = 'firn:{index}:due'
/** Job id to `<version> <state> <incarnation>` as indexed. */
export const versionsKey = 'firn:{index}:versions'
/** Archive id to job id. */
export const archivesKey = 'firn:{index}:archives'
export const eventsKey = 'firn:{index}:events'
export const stateKey = (state: JobState): string => `firn:{index}:state:${state}`
export const stateKeys: readonly string[] = jobStates.map(stateKey)

/** Which Redis was compared with the journal. Lost with everything else when it comes back empty. */
export const markKey = 'firn:mark'
/** That such a comparison is under way. */
export const begunMarkKey = (token: string): string => `firn:mark:${token}`

/** What the index holds for a job, and a page's cursor: 15 digits hold any safe time. */
export function indexMember(createdAtMs: number, id: JobId): string {
  return `${String(createdAtMs).padStart(15, '0')}:${id}`
}

/** The job id at the end of an index member. */
export function memberJobId(member: string): string {
  return member.slice(16)
}

/** What operators set, as JSON. */
export const controlsKey = 'firn:controls'
/** Names of workers by the time of their latest report, and what they said. */
export const workersSeenKey = 'firn:{workers}:seen'
export const workerReportsKey = 'firn:{workers}:reports'
