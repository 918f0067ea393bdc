import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, defaultControls, markedDescription } from '@firn/core'
import { sweepOrphans } from '@firn/engine'
import type { Glacier, OpenUpload } from '@firn/glacier'
import { createMemoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, aJob, anUpload } from '@firn/testing'

const { signal } = new AbortController()
const HOUR_MS = 3_600_000
const NOW_MS = 100 * HOUR_MS
const refuse = () => Promise.reject(new Error('not to be called'))
const denied = new AppError('GLACIER_REFUSED', 'Cannot abort the upload')
const away = new AppError('GLACIER_UNAVAILABLE', 'Cannot list uploads')

/** Vaults in which uploads of one job lie that owns none of them, by the name of the vault. */
async function openVaults(faults: {
  readonly notAborted?: readonly string[]
  readonly notListed?: readonly string[]
  readonly lostAfter?: string
}) {
  const store = createMemoryJobStore()
  const aborted: string[] = []
  const uploadsByVault = new Map<string, readonly OpenUpload[]>()
  for (const vault of ['films', 'notes', 'photos']) {
    const definition = aDefinition({ vault })
    const progress = { state: 'uploading', generation: 1, upload: anUpload() } as const
    await store.create(aJob({ definition, progress }), signal)
    const description = markedDescription({ jobId: definition.id, generation: 1 }, '')
    const upload = (name: string, ageMs: number): OpenUpload => ({
      ...{ uploadId: `${vault}-${name}`, description, partSizeBytes: 1024 ** 2 },
      createdAtMs: NOW_MS - ageMs,
    })
    uploadsByVault.set(vault, [upload('a', 9), upload('b', HOUR_MS), upload('c', HOUR_MS)])
  }
  const glacier: Glacier = {
    ...{ initiateUpload: refuse, uploadPart: refuse, completeUpload: refuse },
    listParts: () => assert.fail('not to be called'),
    async *listUploads(vault) {
      if (faults.notListed?.includes(vault)) throw away
      yield* uploadsByVault.get(vault) ?? []
    },
    async abortUpload({ uploadId }) {
      if (faults.notAborted?.includes(uploadId)) throw denied
      aborted.push(uploadId)
    },
  }
  const vaults = {
    async *listVaults() {
      for (const name of uploadsByVault.keys()) {
        const arn = `arn:aws:glacier:us-east-1:111122223333:vaults/${name}`
        yield { name, arn, createdAt: '2026-01-01T00:00:00Z', archiveCount: 0, sizeBytes: 0 }
        if (name === faults.lostAfter) throw away
      }
    },
  }
  const queues = {
    ...{ addOpen: refuse, addParts: refuse, addFinalize: refuse, addAbort: refuse },
    changePriority: refuse,
  }
  const ports = { store, journal: createMemoryJournal(), queues, glacier, vaults }
  const deps = { ...ports, controls: () => defaultControls, now: () => NOW_MS, graceMs: 1000 }
  return { sweep: () => sweepOrphans(deps, signal), aborted }
}

describe('sweepOrphans()', () => {
  it('aborts what is older than its grace, and leaves the rest', async () => {
    const { sweep, aborted } = await openVaults({})
    assert.deepEqual(await sweep(), { orphans: 9, aborted: 6, failures: [] })
    assert.equal(aborted.length, 6)
  })

  it('counts an orphan that cannot be aborted as one that stays, and goes on', async () => {
    const { sweep, aborted } = await openVaults({ notAborted: ['films-b'] })
    const failures = [{ vault: 'films', uploadId: 'films-b', error: denied }]
    assert.deepEqual(await sweep(), { orphans: 9, aborted: 5, failures })
    assert.deepEqual(aborted, ['films-c', 'notes-b', 'notes-c', 'photos-b', 'photos-c'])
  })

  it('tells of a vault that cannot be listed, and looks at the others', async () => {
    const { sweep } = await openVaults({ notListed: ['notes'] })
    const failures = [{ vault: 'notes', uploadId: null, error: away }]
    assert.deepEqual(await sweep(), { orphans: 6, aborted: 4, failures })
  })

  it('keeps what it found when the list of vaults breaks off', async () => {
    const { sweep } = await openVaults({ lostAfter: 'films' })
    const failures = [{ vault: null, uploadId: null, error: away }]
    assert.deepEqual(await sweep(), { orphans: 3, aborted: 2, failures })
  })
})
