import assert from 'node:assert/strict'
import { isFinished, type JobId, parseMarker, uploadOf } from '@firn/core'
import type { Journal } from '@firn/journal'
import type { JobStore } from '@firn/store'
import type { GlacierModel } from './sim-glacier.ts'
import type { SourceModel } from './sim-source.ts'

const { signal } = new AbortController()

/** What holds at every instant, seen from Glacier alone. */
export function checkStep({ glacier }: { readonly glacier: GlacierModel }): void {
  const owners = glacier.archives.flatMap(
    ({ description }) => parseMarker(description)?.jobId ?? [],
  )
  assert.equal(new Set(owners).size, owners.length, 'a job has two archives')
}

/** What holds once the faults are over and everything came to rest; returns the jobs' states. */
export async function checkEnd(world: {
  readonly store: JobStore
  readonly journal: Journal
  readonly glacier: GlacierModel
  readonly sources: SourceModel
  readonly accepted: ReadonlySet<JobId>
}): Promise<readonly string[]> {
  const { store, journal, glacier, sources, accepted } = world
  const states: string[] = []
  for (const id of accepted) {
    const stored = await store.load(id, signal)
    assert.ok(stored, `accepted job ${id} is lost`)
    const { progress, definition } = stored.job
    states.push(progress.state)
    assert.ok(isFinished(progress.state), `job ${id} rests in ${progress.state}`)
    const entry = await journal.load(id, signal)
    const mine = glacier.archives.filter(
      ({ description }) => parseMarker(description)?.jobId === id,
    )
    if (progress.state === 'archived') {
      assert.deepEqual(
        mine.map(({ archiveId }) => archiveId),
        [progress.archive.archiveId],
      )
      assert.equal(entry?.receipt?.archive.archiveId, progress.archive.archiveId)
      const versions = sources.treeHashes(definition.source.path)
      assert.ok(versions.has(progress.archive.treeHash), `job ${id}: an archive of mixed bytes`)
    } else {
      assert.deepEqual(mine, [], `job ${id} is ${progress.state} and has an archive`)
    }
    // One that waits for a retry may have expired at Glacier; any other is an orphan.
    const isKept = progress.state === 'failed' && progress.fate === 'kept'
    const kept = isKept ? uploadOf(progress)?.uploadId : undefined
    const orphans = glacier
      .openUploads()
      .filter(({ description }) => parseMarker(description)?.jobId === id)
      .filter(({ uploadId }) => uploadId !== kept)
    assert.deepEqual(orphans, [], `job ${id} leaves uploads behind`)
  }
  return states
}
