import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppError, createJobId, type JobDefinition } from '@firn/core'
import { openDirectoryJournal } from './directory-journal.ts'
import type { Journal, Receipt } from './journal.ts'
import { createMemoryJournal } from './memory-journal.ts'

const { signal } = new AbortController()
const plan = { sizeBytes: 3, partSizeBytes: 1024 ** 2, partCount: 1 }
const pin = { sizeBytes: 3, device: '1', inode: '2', mtimeNs: '3', ctimeNs: '4' }
const hex = 'ab'.repeat(32)
let made = 0

function aDefinition(vault = 'photos'): JobDefinition {
  made += 1
  return {
    id: createJobId(made, new Uint8Array(10).fill(made)),
    vault,
    source: { type: 'file', path: '/data/é.tar' },
    description: '',
    partSizeBytes: null,
    priority: 3,
    expected: { sizeBytes: null, sha256: null, sha256TreeHash: null },
    labels: { owner: 'me' },
    createdAtMs: made,
  }
}

function aReceipt(definition: JobDefinition, archiveId: string): Receipt {
  const { id: jobId, vault, description, labels, source, createdAtMs } = definition
  const archive = { archiveId, location: `/1/vaults/${vault}/archives/${archiveId}`, treeHash: hex }
  return {
    ...{ jobId, generation: 1, vault, region: null, archive, description, labels, plan },
    ...{ partTreeHashes: [hex], source, pin, sha256: null, createdAtMs, archivedAtMs: 9 },
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** Every journal passes this; `use` gives the test an empty one. */
function describeJournal(
  name: string,
  use: (test: (journal: Journal) => Promise<void>) => Promise<void>,
): void {
  describe(`${name} journal`, () => {
    it('knows nothing of a job that was never put', () =>
      use(async (journal) => {
        assert.equal(await journal.load(aDefinition().id, signal), undefined)
        assert.deepEqual(await collect(journal.jobIds(signal)), [])
      }))

    it('keeps the first definition, whoever comes later', () =>
      use(async (journal) => {
        const first = aDefinition()
        assert.deepEqual(await journal.putDefinition(first, signal), first)
        const kept = await journal.putDefinition({ ...first, vault: 'other' }, signal)
        assert.deepEqual(kept, first)
        assert.deepEqual((await journal.load(first.id, signal))?.definition, first)
      }))

    it('returns everything that was put of a job, generations in order', () =>
      use(async (journal) => {
        const definition = aDefinition()
        const { id: jobId } = definition
        await journal.putDefinition(definition, signal)
        const uploads = [11, 2, 1].map((generation) => {
          const uploadId = `U${generation}`
          const upload = { uploadId, plan, pin, expectedTreeHash: null, openedAtMs: 1 }
          return { jobId, generation, upload }
        })
        for (const record of uploads) await journal.putUpload(record, signal)
        const generations = [{ jobId, generation: 2, atMs: 3 }]
        for (const record of generations) await journal.putGeneration(record, signal)
        const intent = {
          jobId,
          generation: 2,
          uploadId: 'U2',
          sizeBytes: 3,
          treeHash: hex,
          atMs: 4,
        }
        await journal.putIntent(intent, signal)
        const end = { jobId, generation: 2, state: 'failed', error: null, atMs: 5 } as const
        await journal.putEnd(end, signal)
        const entry = {
          definition,
          generations,
          uploads: uploads.toReversed(),
          intents: [intent],
          receipt: null,
        }
        assert.deepEqual(await journal.load(jobId, signal), { ...entry, end })
        await journal.deleteEnd(jobId, signal)
        await journal.deleteEnd(jobId, signal)
        assert.deepEqual(await journal.load(jobId, signal), { ...entry, end: null })
      }))

    it('keeps the first receipt of a job', () =>
      use(async (journal) => {
        const definition = aDefinition()
        await journal.putDefinition(definition, signal)
        const first = aReceipt(definition, 'A1')
        assert.deepEqual(await journal.putReceipt(first, signal), first)
        assert.deepEqual(await journal.putReceipt(aReceipt(definition, 'A2'), signal), first)
        assert.deepEqual((await journal.load(definition.id, signal))?.receipt, first)
      }))

    it('keeps the first upload of a generation', () =>
      use(async (journal) => {
        const definition = aDefinition()
        const { id: jobId } = definition
        await journal.putDefinition(definition, signal)
        const record = (uploadId: string) => {
          const upload = { uploadId, plan, pin, expectedTreeHash: null, openedAtMs: 1 }
          return { jobId, generation: 1, upload }
        }
        assert.deepEqual(await journal.putUpload(record('U1'), signal), record('U1'))
        assert.deepEqual(await journal.putUpload(record('U2'), signal), record('U1'))
        assert.deepEqual((await journal.load(jobId, signal))?.uploads, [record('U1')])
      }))

    it('lists every job once', () =>
      use(async (journal) => {
        const definitions = Array.from({ length: 40 }, () => aDefinition())
        await Promise.all(definitions.map((one) => journal.putDefinition(one, signal)))
        const ids = await collect(journal.jobIds(signal))
        assert.deepEqual(ids.sort(), definitions.map(({ id }) => id).sort())
      }))

    it('does nothing for a caller that has given up', () =>
      use(async (journal) => {
        const definition = aDefinition()
        const reason = new Error('gone')
        const gone = AbortSignal.abort(reason)
        await assert.rejects(journal.putDefinition(definition, gone), reason)
        await assert.rejects(journal.load(definition.id, gone), reason)
        assert.equal(await journal.load(definition.id, signal), undefined)
      }))
  })
}

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'firn-journal-'))
  try {
    await test(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

describeJournal('memory', (test) => test(createMemoryJournal()))
describeJournal('directory', (test) =>
  withDirectory(async (directory) => test(await openDirectoryJournal({ directory }))),
)

describe('openDirectoryJournal()', () => {
  it('finds what an earlier process put, past the leftovers of a crash', () =>
    withDirectory(async (directory) => {
      const definition = aDefinition()
      const before = await openDirectoryJournal({ directory })
      await before.putDefinition(definition, signal)
      await before.putReceipt(aReceipt(definition, 'A1'), signal)
      const shard = join(directory, definition.id.slice(-1))
      await writeFile(join(shard, '.torn.tmp'), '{"id":')
      await writeFile(join(shard, definition.id, '.torn.tmp'), '')

      const after = await openDirectoryJournal({ directory })
      assert.equal((await after.load(definition.id, signal))?.receipt?.archive.archiveId, 'A1')
      assert.deepEqual(await collect(after.jobIds(signal)), [definition.id])
    }))

  it('answers a ping while its directory can be written, and not after', () =>
    withDirectory(async (parent) => {
      const directory = join(parent, 'journal')
      const journal = await openDirectoryJournal({ directory })
      await journal.ping(signal)
      const names = await readdir(directory)
      assert.deepEqual(
        names.filter((name) => name.includes('.tmp')),
        [],
      )
      await rm(directory, { recursive: true })
      await assert.rejects(
        journal.ping(signal),
        (error) => error instanceof AppError && error.code === 'JOURNAL_UNAVAILABLE',
      )
    }))

  it('leaves no temporary file behind', () =>
    withDirectory(async (directory) => {
      const journal = await openDirectoryJournal({ directory })
      const definition = aDefinition()
      await Promise.all([1, 2, 3].map(() => journal.putDefinition(definition, signal)))
      await journal.putReceipt(aReceipt(definition, 'A1'), signal)
      const names = await readdir(directory, { recursive: true })
      assert.deepEqual(
        names.filter((name) => name.includes('.tmp')),
        [],
      )
    }))

  it('lets exactly one of many concurrent definitions win', () =>
    withDirectory(async (directory) => {
      const journal = await openDirectoryJournal({ directory })
      const definition = aDefinition()
      const kept = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          journal.putDefinition({ ...definition, vault: `v${index}` }, signal),
        ),
      )
      assert.equal(new Set(kept.map(({ vault }) => vault)).size, 1)
    }))

  it('reports a damaged record as an error, never as absent', () =>
    withDirectory(async (directory) => {
      const journal = await openDirectoryJournal({ directory })
      const definition = aDefinition()
      await writeFile(join(directory, definition.id.slice(-1), `${definition.id}.json`), '{"id":1}')
      const isUnavailable = (error: unknown) =>
        error instanceof AppError && error.code === 'JOURNAL_UNAVAILABLE'
      await assert.rejects(journal.load(definition.id, signal), isUnavailable)
      await assert.rejects(journal.putDefinition(definition, signal), isUnavailable)
    }))
})
