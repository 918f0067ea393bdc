import assert from 'node:assert/strict'
import { type ErrorCode, isFinished, type Job, type JobId, parseMarker, uploadOf } from '@firn/core'
import type { Witness } from './sim-actors.ts'
import type { GlacierModel } from './sim-glacier.ts'
import type { Models } from './sim-ports.ts'

const { signal } = new AbortController()

/** What a job may fail with here: faults that lasted longer than its attempts, and its source. */
const causes: readonly ErrorCode[] = [
  'SOURCE_CHANGED',
  'SOURCE_UNREADABLE',
  'GLACIER_TIMEOUT',
  'GLACIER_UPLOAD_NOT_FOUND',
  'STORE_UNAVAILABLE',
  'QUEUE_UNAVAILABLE',
  'JOURNAL_UNAVAILABLE',
]

/** What a job may fail with where Glacier told such a lie; nothing is left behind all the same. */
const causeByLie: ReadonlyMap<ErrorCode, ErrorCode> = new Map([
  ['GLACIER_VAULT_NOT_FOUND', 'GLACIER_VAULT_NOT_FOUND'],
  ['GLACIER_REFUSED', 'ARCHIVE_CHECKSUM_MISMATCH'],
])

/** What holds at every instant, seen from Glacier alone. */
export function checkStep(glacier: GlacierModel, { bugs }: Witness): void {
  if (bugs.length > 0) throw bugs[0]
  const owners = glacier.archives.flatMap(
    ({ description }) => parseMarker(description)?.jobId ?? [],
  )
  assert.equal(new Set(owners).size, owners.length, 'a job has two archives')
}

/** What holds once the faults are over and everything came to rest; returns the jobs' states. */
export async function checkEnd(models: Models, witness: Witness): Promise<readonly string[]> {
  const states: string[] = []
  for (const id of witness.accepted) {
    const stored = await models.redis.store().load(id, signal)
    assert.ok(stored, `accepted job ${id} is lost`)
    const { job } = stored
    states.push(job.progress.state)
    checkWord(job, witness, models.lies)
    await checkArchive(job, models)
    checkUploads(job, models.glacier)
  }
  return states
}

/** It has ended, and as clients were told. */
function checkWord(
  { definition: { id }, progress }: Job,
  { told, retried }: Witness,
  lies: ReadonlySet<ErrorCode>,
): void {
  const { state } = progress
  assert.ok(isFinished(state), `job ${id} rests in ${state}`)
  if (state === 'failed') {
    const { code, message } = progress.error
    const isLiedTo = [...lies].some((lie) => causeByLie.get(lie) === code)
    assert.ok(causes.includes(code) || isLiedTo, `${code}: ${message}`)
  }
  const promised = told.get(id)?.progress.state
  if (promised === undefined || (promised === 'failed' && retried.has(id))) return
  assert.equal(state, promised, `job ${id} was told to be ${promised}`)
}

async function checkArchive(job: Job, { journal, glacier, sources }: Models): Promise<void> {
  const { definition, progress } = job
  const { id } = definition
  const entry = await journal.load(id, signal)
  const mine = archivesOf(id, glacier)
  if (progress.state !== 'archived') {
    return assert.deepEqual(mine, [], `job ${id} is ${progress.state} and has an archive`)
  }
  const { archiveId, treeHash } = progress.archive
  assert.deepEqual(mine, [archiveId])
  assert.equal(entry?.receipt?.archive.archiveId, archiveId)
  const versions = sources.treeHashes(definition.source.path)
  assert.ok(versions.has(treeHash), `job ${id}: an archive of mixed bytes`)
}

function archivesOf(id: JobId, { archives }: GlacierModel): readonly string[] {
  return archives
    .filter(({ description }) => parseMarker(description)?.jobId === id)
    .map(({ archiveId }) => archiveId)
}

/** One upload that waits for a retry may be left; any other is an orphan. */
function checkUploads({ definition: { id }, progress }: Job, glacier: GlacierModel): void {
  const isKept = progress.state === 'failed' && progress.fate === 'kept'
  const kept = isKept ? uploadOf(progress)?.uploadId : undefined
  const orphans = glacier
    .openUploads()
    .filter(({ description }) => parseMarker(description)?.jobId === id)
    .map(({ uploadId }) => uploadId)
    .filter((uploadId) => uploadId !== kept)
  assert.deepEqual(orphans, [], `job ${id} leaves uploads behind`)
}
