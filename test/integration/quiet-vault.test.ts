import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, type JobId, newJob, toAppError } from '@firn/core'
import { finalizeJob } from '@firn/engine'
import type { Inventory } from '@firn/glacier'
import { createMemoryJournal } from '@firn/journal'
import { createMemoryJobStore } from '@firn/store'
import { aDefinition, anUpload } from '@firn/testing'
import { anIntent, rolledBackDeps } from './rolled-back-job.ts'

const { signal } = new AbortController()
const run = { signal, attempt: 1, isLastAttempt: false, isPatienceOver: false }
const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
const DOUBT_MS = 1_800_000_000_000

/** A job in doubt since {@link DOUBT_MS}, and a vault whose inventory may be set. */
async function openDoubt() {
  const [store, journal] = [createMemoryJobStore(), createMemoryJournal()]
  const vault = { dateMs: null as number | null, asked: 0, isExpired: false }
  const clock = { nowMs: DOUBT_MS }
  const definition = aDefinition({ createdAtMs: DOUBT_MS - HOUR_MS })
  const { id } = definition
  const upload = anUpload({ openedAtMs: DOUBT_MS - HOUR_MS })
  await journal.putDefinition(definition, signal)
  await journal.putUpload({ jobId: id, generation: 1, upload }, signal)
  const progress = {
    ...({ state: 'reconciling', generation: 1 } as const),
    ...{ upload, treeHash: anIntent(id).treeHash, doubtSinceMs: DOUBT_MS },
    ...{ inventoryJobId: null, inventoryDateMs: null },
  }
  await store.create({ ...newJob(definition), progress }, signal)
  const read = async (): Promise<Inventory | 'gone'> =>
    vault.isExpired ? 'gone' : { account: null, takenAtMs: vault.dateMs ?? 0, archives: [] }
  const deps = {
    ...{ ...rolledBackDeps, store, journal, now: () => clock.nowMs },
    glacier: { ...rolledBackDeps.glacier, async *listUploads() {} },
    ...{ inventoryMarginMs: DAY_MS, inventoryPatienceMs: 3 * DAY_MS },
    inventories: {
      inventoryDateMs: async () => vault.dateMs,
      askInventory: async () => {
        vault.asked += 1
        return { inventoryJobId: `I${vault.asked}` }
      },
      readInventory: read,
    },
  }
  return { deps, id, vault, clock, finalize: () => finalizeOnce(deps, id) }
}

async function finalizeOnce(deps: Parameters<typeof finalizeJob>[0], jobId: JobId) {
  const code = await finalizeJob(deps, { jobId, generation: 1 }, run).then(
    () => null,
    (error: unknown) => toAppError(error).code,
  )
  const stored = await deps.store.load(jobId, signal)
  return { code, state: stored?.job.progress.state, trouble: stored?.trouble ?? null }
}

describe('a doubt in a vault at rest', () => {
  it('asks for each inventory once, and says after three days that it needs an operator', async () => {
    const { vault, clock, finalize } = await openDoubt()
    assert.deepEqual([(await finalize()).code, vault.asked], ['OUTCOME_UNKNOWN', 0])
    // One from before the margin: it is read, and proves nothing.
    vault.dateMs = DOUBT_MS + HOUR_MS
    for (let time = 0; time < 4; time += 1) {
      assert.deepEqual(await finalize().then(({ code }) => code), 'OUTCOME_UNKNOWN')
    }
    assert.equal(vault.asked, 1)
    clock.nowMs = DOUBT_MS + 3 * DAY_MS + 1
    const { code, state, trouble } = await finalize()
    assert.deepEqual([code, state, vault.asked], ['OUTCOME_NEEDS_OPERATOR', 'reconciling', 1])
    assert.equal(trouble?.code, 'OUTCOME_NEEDS_OPERATOR')
    assert.match(trouble.message, /^For 72 h .* vault "photos" has no newer inventory/)
    assert.equal(new AppError('OUTCOME_NEEDS_OPERATOR', '').disposition, 'wait')
  })

  it('is over with the next inventory, whoever caused it', async () => {
    const { vault, clock, finalize } = await openDoubt()
    clock.nowMs = DOUBT_MS + 9 * DAY_MS
    assert.equal((await finalize()).code, 'OUTCOME_NEEDS_OPERATOR')
    vault.dateMs = clock.nowMs
    assert.equal((await finalize()).code, 'OUTCOME_UNKNOWN')
    assert.deepEqual(await finalize(), { code: null, state: 'queued', trouble: null })
  })

  it('asks again for an inventory that expired before it was read', async () => {
    const { vault, finalize } = await openDoubt()
    vault.dateMs = DOUBT_MS + HOUR_MS
    vault.isExpired = true
    for (let time = 0; time < 3; time += 1) await finalize()
    assert.equal(vault.asked, 2)
  })
})
