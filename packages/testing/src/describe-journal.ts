import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { JobDefinition } from '@firn/core'
import type { Journal, Receipt } from '@firn/journal'
import { aDefinition, anUpload } from './builders.ts'
import { never } from './store-fixtures.ts'

const hex = 'ab'.repeat(32)

/** What Glacier made of a job's parts, as the journal keeps it. */
export function aReceipt(definition: JobDefinition, archiveId = 'A1'): Receipt {
  const { id: jobId, vault, description, labels, source, createdAtMs } = definition
  const { plan, pin } = anUpload({ partCount: 1 })
  const location = `/111122223333/vaults/${vault}/archives/${archiveId}`
  return {
    ...{ formatVersion: 2, jobId, generation: 1, vault },
    ...{ region: 'eu-central-1', account: '111122223333' },
    ...{ archive: { archiveId, location, treeHash: hex }, description, labels, plan },
    ...{ partTreeHashes: [hex], source, pin, sha256: null, createdAtMs, archivedAtMs: 9 },
  }
}

/** Every Journal passes this suite; `use` gives each test an empty one. */
export function describeJournal(
  name: string,
  use: (test: (journal: Journal) => Promise<void>) => Promise<void>,
): void {
  describe(`Journal: ${name}`, () => {
    describeRecords(use)
    describeFirstRecords(use)
    describeCallers(use)
  })
}

type Use = Parameters<typeof describeJournal>[1]

function describeRecords(use: Use): void {
  it('knows nothing of a job that was never put', () =>
    use(async (journal) => {
      assert.equal(await journal.load(aDefinition().id, never), undefined)
      assert.deepEqual(await Array.fromAsync(journal.jobIds(never)), [])
    }))

  it('returns everything that was put of a job, generations in order', () =>
    use(async (journal) => {
      const definition = aDefinition({ description: 'é & <ü> "\\', labels: { 'ключ/1': 'a b' } })
      const { id: jobId } = definition
      await journal.putDefinition(definition, never)
      const uploads = [11, 2, 1].map((generation) => ({
        ...{ jobId, generation, upload: anUpload({ uploadId: `U${generation}` }) },
      }))
      for (const record of uploads) await journal.putUpload(record, never)
      const generations = [{ jobId, generation: 2, atMs: 3 }]
      for (const record of generations) await journal.putGeneration(record, never)
      const intent = { jobId, generation: 2, uploadId: 'U2', sizeBytes: 3, treeHash: hex, atMs: 4 }
      await journal.putIntent(intent, never)
      await journal.putIntent({ ...intent, atMs: 5 }, never)
      const cancel = { jobId, generation: 1, cancelledAtMs: 4 }
      await journal.putCancel(cancel, never)
      const error = { code: 'GLACIER_TIMEOUT', message: 'slow', isRetryable: true } as const
      const failure = { jobId, generation: 2, error, atMs: 5 }
      await journal.putFailure({ ...failure, atMs: 4 }, never)
      await journal.putFailure(failure, never)
      const entry = {
        ...{ definition, generations, uploads: uploads.toReversed(), intents: [intent] },
        ...{ cancels: [cancel], receipt: null },
      }
      assert.deepEqual(await journal.load(jobId, never), { ...entry, failure })
      await journal.deleteFailure(jobId, never)
      await journal.deleteFailure(jobId, never)
      assert.deepEqual(await journal.load(jobId, never), { ...entry, failure: null })
    }))

  it('forgets the failure of a job that it knows nothing else of', () =>
    use(async (journal) => {
      const { id } = aDefinition()
      await journal.deleteFailure(id, never)
      assert.equal(await journal.load(id, never), undefined)
    }))

  it('lists every job that has a definition, once, whatever else it has', () =>
    use(async (journal) => {
      const definitions = Array.from({ length: 40 }, () => aDefinition())
      await Promise.all(definitions.map((one) => journal.putDefinition(one, never)))
      for (const one of definitions.slice(0, 5)) await journal.putReceipt(aReceipt(one), never)
      await journal.putGeneration({ jobId: aDefinition().id, generation: 2, atMs: 1 }, never)
      const ids = await Array.fromAsync(journal.jobIds(never))
      assert.deepEqual(ids.sort(), definitions.map(({ id }) => id).sort())
    }))
}

function describeFirstRecords(use: Use): void {
  it('keeps the first definition, and says by the object itself whose that is', () =>
    use(async (journal) => {
      const first = aDefinition()
      assert.equal(await journal.putDefinition(first, never), first)
      const kept = await journal.putDefinition({ ...first, vault: 'other' }, never)
      assert.deepEqual(kept, first)
      const equal = { ...first }
      assert.notEqual(await journal.putDefinition(equal, never), equal)
      assert.deepEqual((await journal.load(first.id, never))?.definition, first)
    }))

  it('lets exactly one of many concurrent definitions win', () =>
    use(async (journal) => {
      const definition = aDefinition()
      const asked = Array.from({ length: 20 }, (_, index) => ({
        ...definition,
        vault: `v${index}`,
      }))
      const kept = await Promise.all(asked.map((one) => journal.putDefinition(one, never)))
      assert.equal(new Set(kept.map(({ vault }) => vault)).size, 1)
      assert.equal(kept.filter((one, index) => one === asked[index]).length, 1)
      assert.deepEqual((await journal.load(definition.id, never))?.definition, kept[0])
    }))

  it('keeps the first receipt of a job', () =>
    use(async (journal) => {
      const definition = aDefinition()
      await journal.putDefinition(definition, never)
      const first = aReceipt(definition, 'A1')
      assert.deepEqual(await journal.putReceipt(first, never), first)
      assert.deepEqual(await journal.putReceipt(aReceipt(definition, 'A2'), never), first)
      assert.deepEqual((await journal.load(definition.id, never))?.receipt, first)
    }))

  it('lets an intent and a cancel of a generation exclude each other', () =>
    use(async (journal) => {
      const definition = aDefinition()
      const { id: jobId } = definition
      await journal.putDefinition(definition, never)
      const intent = (treeHash: string) => {
        return { jobId, generation: 1, uploadId: 'U1', sizeBytes: 3, treeHash, atMs: 4 }
      }
      const later = intent('cd'.repeat(32))
      const cancel = { jobId, generation: 1, cancelledAtMs: 5 }
      assert.equal(await journal.putIntent(intent(hex), never), true)
      assert.equal(await journal.putIntent(later, never), true)
      assert.equal(await journal.putCancel(cancel, never), false)
      const second = { ...cancel, generation: 2 }
      assert.equal(await journal.putCancel(second, never), true)
      assert.equal(await journal.putCancel({ ...second, cancelledAtMs: 6 }, never), true)
      assert.equal(await journal.putIntent({ ...later, generation: 2 }, never), false)
      const entry = await journal.load(jobId, never)
      assert.deepEqual([entry?.intents, entry?.cancels], [[later], [second]])
    }))

  it('keeps the first upload of a generation', () =>
    use(async (journal) => {
      const definition = aDefinition()
      const { id: jobId } = definition
      await journal.putDefinition(definition, never)
      const record = (uploadId: string) => {
        return { jobId, generation: 1, upload: anUpload({ uploadId }) }
      }
      assert.deepEqual(await journal.putUpload(record('U1'), never), record('U1'))
      assert.deepEqual(await journal.putUpload(record('U2'), never), record('U1'))
      assert.deepEqual((await journal.load(jobId, never))?.uploads, [record('U1')])
    }))
}

function describeCallers(use: Use): void {
  it('does nothing for a caller that has given up', () =>
    use(async (journal) => {
      const definition = aDefinition()
      const reason = new Error('gone')
      const gone = AbortSignal.abort(reason)
      await assert.rejects(journal.putDefinition(definition, gone), reason)
      await assert.rejects(journal.putReceipt(aReceipt(definition), gone), reason)
      await assert.rejects(journal.deleteFailure(definition.id, gone), reason)
      await assert.rejects(journal.load(definition.id, gone), reason)
      await assert.rejects(journal.ping(gone), reason)
      await assert.rejects(Array.fromAsync(journal.jobIds(gone)), reason)
      assert.equal(await journal.load(definition.id, never), undefined)
    }))

  it('answers a ping', () => use((journal) => journal.ping(never)))
}
