import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiUser, Job, Sample } from './api-user.ts'
import { checkArchive, type LargeVersion, readReceipt, type Version } from './archive-checks.ts'
import type { GateRecord } from './glacier-gate.ts'
import { type ArchiveRow, type GlacierView, OF_OTHERS } from './glacier-view.ts'

/** What the checker has to go by. It imports nothing of the product. */
export interface Evidence {
  readonly user: ApiUser
  readonly glacier: GlacierView
  readonly journalDirectory: string
  readonly vault: string
  /** Every state that the source of a key's job was ever in. */
  readonly versionsByKey: ReadonlyMap<string, readonly (Version | LargeVersion)[]>
  /** What went through to Glacier, with the answers that it gave. */
  readonly records: readonly GateRecord[]
  /** Whether recorded parts may have been forgotten: Redis lost them, or Glacier did. */
  readonly mayForgetParts: boolean
  /** Whether Redis may have been as it was before: an end may be unknown for a while. */
  readonly mayForgetEnds: boolean
}

export interface Violation {
  readonly invariant: string
  /** The least that shows it. */
  readonly witness: string
}

export type Report = (invariant: string, witness: string) => void

const GET_TRIES = 20
const GET_PAUSE_MS = 250
const terminal = new Set(['archived', 'failed', 'cancelled'])
/** Looks at everything from outside, after the last fault, and says what must not be. */
export async function checkEvidence(evidence: Evidence): Promise<readonly Violation[]> {
  const violations: Violation[] = []
  const report: Report = (invariant, witness) => violations.push({ invariant, witness })
  checkKeys(evidence, report)
  checkSamples(evidence, report)
  for (const id of evidence.user.denied) report('I1', `job ${id} was accepted, and answered 404`)
  for (const text of evidence.user.badProblems) report('I13', text)
  const jobs = await acceptedJobs(evidence, report)
  const all = await evidence.glacier.inventory(evidence.vault)
  const archives = all.filter(({ description }) => description !== OF_OTHERS)
  for (const [id, { job, keys }] of jobs) {
    await checkJournal(evidence, job, report)
    if (job.state === 'archived') await checkArchive(evidence, { job, key: keys[0] ?? '' }, report)
    else if (!terminal.has(job.state)) report('I11', `job ${id} rests in ${job.state}`)
  }
  const jobById = new Map([...jobs].map(([id, { job }]) => [id, job]))
  checkOwners(jobById, archives, report)
  checkCount(archives.length, jobById, report)
  await checkUploads(evidence, jobById, report)
  return violations
}

/** I8: one job for a key, and what was promised is there. */
function checkKeys({ user }: Evidence, report: Report): void {
  const idByKey = new Map<string, string>()
  for (const { key, outcome } of user.posts) {
    if (outcome.type !== 'accepted') continue
    const before = idByKey.get(key)
    if (before !== undefined && before !== outcome.jobId) {
      report('I8', `key "${key}" stands for jobs ${before} and ${outcome.jobId}`)
    }
    idByKey.set(key, outcome.jobId)
  }
  const keys = new Set(user.posts.map(({ key }) => key))
  if (new Set(idByKey.values()).size < idByKey.size) report('I8', 'two keys have one job')
  for (const key of keys) {
    if (!idByKey.has(key)) report('I1', `nobody knows what became of key "${key}"`)
  }
}

/** I1: what ended stays so. I6: no part is called uploaded that Glacier did not take. I10: progress. */
function checkSamples(evidence: Evidence, report: Report): void {
  const byJob = Map.groupBy(evidence.user.samples, ({ job }) => job.id)
  for (const [id, samples] of byJob) {
    const wasRetried = evidence.user.commands.some(
      (one) => one.id === id && one.command !== 'pause',
    )
    let before: Sample | undefined
    const taken = takenParts(evidence.records, samples)
    for (const sample of samples) {
      if (before !== undefined) checkPair(before, sample, { ...evidence, wasRetried }, report)
      checkProgress(sample, taken, report)
      checkReason(sample, report)
      before = sample
    }
    if (evidence.mayForgetEnds) checkEnds(samples, wasRetried, report)
  }
}

/** I1: whatever was forgotten meanwhile, a job comes back to the end that it was seen to have. */
function checkEnds(samples: readonly Sample[], wasRetried: boolean, report: Report): void {
  const last = samples.at(-1)?.job
  for (const { job } of samples) {
    const isOpen = !terminal.has(job.state) || (job.state === 'failed' && wasRetried)
    if (last === undefined || isOpen) continue
    const [was, is] = [job, last].map(({ state, archiveId }) => `${state} ${archiveId ?? ''}`)
    if (was !== is) report('I1', `job ${job.id} was seen ${was}and ends ${is}`)
  }
}

function checkPair(
  before: Sample,
  after: Sample,
  allowed: Pick<Evidence, 'mayForgetParts' | 'mayForgetEnds'> & { readonly wasRetried: boolean },
  report: Report,
): void {
  const [a, b] = [before.job, after.job]
  const mayLeave = allowed.mayForgetEnds || (a.state === 'failed' && allowed.wasRetried)
  if (terminal.has(a.state) && b.state !== a.state && !mayLeave) {
    report('I1', `job ${a.id} went from ${a.state} to ${b.state}`)
  }
  if (a.state === 'archived' && b.state === 'archived' && a.archiveId !== b.archiveId) {
    report('I2', `job ${a.id} had archive ${a.archiveId}, then ${b.archiveId}`)
  }
  const isSame = a.uploadId !== null && a.uploadId === b.uploadId
  if (isSame && b.parts.uploaded < a.parts.uploaded && !allowed.mayForgetParts) {
    report('I10', `job ${a.id} went from ${a.parts.uploaded} parts back to ${b.parts.uploaded}`)
  }
}

/** When Glacier first took each part of the uploads that a job was seen to have, in order of time. */
function takenParts(
  records: readonly GateRecord[],
  samples: readonly Sample[],
): ReadonlyMap<string, readonly number[]> {
  const uploadIds = new Set(samples.map(({ job }) => job.uploadId))
  const firstMs = new Map<string, Map<number, number>>()
  for (const { operation, uploadId, range, status, atMs } of records) {
    if (operation !== 'UploadPart' || status !== 204 || range === null) continue
    if (uploadId === null || !uploadIds.has(uploadId)) continue
    const parts = firstMs.get(uploadId) ?? new Map<number, number>()
    firstMs.set(uploadId, parts)
    parts.set(range.first, Math.min(atMs, parts.get(range.first) ?? atMs))
  }
  const inOrder = ([id, parts]: [string, Map<number, number>]) =>
    [id, [...parts.values()].sort((a, b) => a - b)] as const
  return new Map([...firstMs].map(inOrder))
}

function checkProgress(
  { atMs, job }: Sample,
  taken: ReadonlyMap<string, readonly number[]>,
  report: Report,
): void {
  const { total, uploaded } = job.parts
  if (uploaded < 0 || (total !== null && uploaded > total)) {
    report('I10', `job ${job.id} has ${uploaded} of ${total} parts`)
  }
  if (job.uploadId === null) return
  const times = taken.get(job.uploadId) ?? []
  const isTaken = uploaded === 0 || (times[uploaded - 1] ?? Number.POSITIVE_INFINITY) <= atMs
  if (!isTaken) report('I6', `job ${job.id} says ${uploaded} parts, which Glacier has not taken`)
}

/** I13: whatever a job says that it met has a code that tells what to do. */
function checkReason({ job }: Sample, report: Report): void {
  if (job.error?.code === 'INTERNAL') report('I13', `job ${job.id} met a bug: ${job.error.message}`)
}

/** A connection that was kept open while the samples were checked may be closed by now. */
async function getPatiently(user: ApiUser, id: string): Promise<Job | undefined> {
  for (let tries = 1; tries < GET_TRIES; tries += 1) {
    const job = await user.get(id)
    if (job !== undefined) return job
    await sleep(GET_PAUSE_MS)
  }
  return await user.get(id)
}

/** I1: every job that was accepted is there. */
async function acceptedJobs({ user }: Evidence, report: Report) {
  const jobs = new Map<string, { readonly job: Job; readonly keys: string[] }>()
  for (const { key, outcome } of user.posts) {
    if (outcome.type !== 'accepted') continue
    const known = jobs.get(outcome.jobId)
    if (known !== undefined) {
      known.keys.push(key)
      continue
    }
    const job = await getPatiently(user, outcome.jobId)
    if (job === undefined) report('I1', `job ${outcome.jobId}, accepted for "${key}", is lost`)
    else jobs.set(job.id, { job, keys: [key] })
  }
  return jobs
}

/** I4, I7: what must survive Redis is in the journal, and nothing that did not happen. */
async function checkJournal(
  { journalDirectory }: Evidence,
  job: Job,
  report: Report,
): Promise<void> {
  const definition = join(journalDirectory, job.id.slice(-1), `${job.id}.json`)
  const isThere = await access(definition).then(
    () => true,
    () => false,
  )
  if (!isThere) report('I4', `job ${job.id} is not in the journal`)
  const receipt = await readReceipt(journalDirectory, job.id)
  if ((receipt !== undefined) !== (job.state === 'archived')) {
    report('I7', `job ${job.id} is ${job.state}, receipt: ${receipt?.archive.archiveId ?? 'none'}`)
  }
}

function ownerOf(description: string): string | undefined {
  return /^firn1 j=([0-9a-f-]{36}) g=\d+(?: |$)/.exec(description)?.[1]
}

/** I3, I4, I7: each archive is the one of a job that says so, and no job has two. */
function checkOwners(
  jobs: ReadonlyMap<string, Job>,
  archives: readonly ArchiveRow[],
  report: Report,
): void {
  const byOwner = Map.groupBy(archives, ({ description }) => ownerOf(description))
  for (const [owner, rows] of byOwner) {
    const ids = rows.map(({ archiveId }) => archiveId).join(', ')
    const job = owner === undefined ? undefined : jobs.get(owner)
    if (job === undefined) report('I4', `archives without an owner: ${ids} (marker of ${owner})`)
    else if (rows.length > 1) report('I3', `job ${owner} has ${rows.length} archives: ${ids}`)
    else if (job.state !== 'archived') report('I7', `job ${owner} is ${job.state} and has ${ids}`)
    else if (job.archiveId !== ids) report('I4', `job ${owner} says ${job.archiveId}, has ${ids}`)
  }
  for (const [id, { state }] of jobs) {
    if (state === 'archived' && !byOwner.has(id)) report('I2', `job ${id} has no archive by marker`)
  }
}

/** I3, I4: as many archives as there are jobs that say so, each of its own. */
function checkCount(count: number, jobs: ReadonlyMap<string, Job>, report: Report): void {
  const ids = [...jobs.values()].flatMap(({ archiveId }) => archiveId ?? [])
  if (new Set(ids).size !== ids.length) report('I3', `two jobs share an archive: ${ids.join(', ')}`)
  if (count !== ids.length) report('I4', `${count} archives for ${ids.length} archived jobs`)
}

/** I5: the only uploads left are those that a `retry` may go on with. */
async function checkUploads(
  { glacier, vault }: Evidence,
  jobs: ReadonlyMap<string, Job>,
  report: Report,
): Promise<void> {
  for (const { id, description } of await glacier.uploads(vault)) {
    const job = jobs.get(ownerOf(description) ?? '')
    const isKept = job?.state === 'failed' && job.error?.retryable === true && job.uploadId === id
    if (!isKept) report('I5', `upload ${id} is left over (${description}; job ${job?.state})`)
  }
}
