import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Registry } from 'prom-client'
import { createBacklogMetrics } from './backlog-metrics.ts'
import type { Findings } from './housekeeping.ts'
import type { UnfinishedGroup } from './unfinished-jobs.ts'
import { createUnfinishedMetrics } from './unfinished-metrics.ts'

const now = () => 100_000
const unknown: Findings = {
  lastSweep: () => null,
  lastOrphanSweep: () => null,
  unfinished: () => null,
}
const counts = { waiting: 3, active: 2, delayed: 1 }

async function textOf(findings: Partial<Findings>, groups?: readonly UnfinishedGroup[]) {
  const registry = new Registry()
  const unfinished = () => (groups === undefined ? null : { groups })
  const sources = { ...unknown, unfinished, ...findings, now }
  const countQueues = async () => ({ open: counts, parts: counts, finalize: counts })
  createBacklogMetrics(registry, { ...sources, countQueues })
  createUnfinishedMetrics(registry, sources)
  return await registry.metrics()
}

const group = (vault: string, more: Partial<UnfinishedGroup> = {}): UnfinishedGroup => ({
  ...{ vault, state: 'uploading', jobCount: 1, leftBytes: 10, oldestCreatedAtMs: 90_000 },
  ...{ stillSinceMs: 94_000, uploadStillSinceMs: 95_000 },
  ...more,
})

describe('what finalizers tell of Firn as a whole', () => {
  it('has no sample of what is not known', async () => {
    const text = await textOf({})
    assert.doesNotMatch(text, /^firn_(backlog|oldest|upload|orphan|unfinished|held)/m)
    assert.match(text, /^firn_queue_jobs\{queue="parts",state="waiting"\} 3$/m)
  })

  it('tells what the latest passes found', async () => {
    const swept = {
      due: 2,
      nudged: 0,
      backlogBytes: 30,
      oldestCreatedAtMs: 40_000,
      oldestDoubtMs: 30_000,
    }
    const lastSweep = () => ({ ...swept, isHeld: true, heldVaultCount: 2 })
    const failure = { vault: 'photos', uploadId: null, error: new Error('away') }
    const lastOrphanSweep = () => ({ orphans: 3, aborted: 2, failures: [failure] })
    const text = await textOf({ lastSweep, lastOrphanSweep }, [group('photos')])
    assert.match(text, /^firn_backlog_bytes 30$/m)
    assert.match(text, /^firn_oldest_unfinished_job_age_seconds 60$/m)
    assert.match(text, /^firn_doubt_age_seconds 70$/m)
    assert.match(text, /^firn_held 1$/m)
    assert.match(text, /^firn_held_vaults 2$/m)
    assert.match(text, /^firn_orphan_uploads 1$/m)
    assert.match(text, /^firn_orphan_sweep_failures 1$/m)
    assert.match(text, /^firn_unfinished_jobs\{vault="photos",state="uploading"\} 1$/m)
    assert.match(text, /^firn_unfinished_bytes\{vault="photos",state="uploading"\} 10$/m)
    assert.match(text, /^firn_unfinished_age_seconds\{vault="photos",state="uploading"\} 10$/m)
    assert.match(text, /^firn_unfinished_idle_seconds\{vault="photos",state="uploading"\} 6$/m)
    assert.match(text, /^firn_upload_idle_seconds\{vault="photos",state="uploading"\} 5$/m)
  })

  it('adds up the vaults that are too many to be named', async () => {
    const names = Array.from({ length: 53 }, (_, index) => `v${String(index).padStart(2, '0')}`)
    const groups = names.toReversed().map((vault) => group(vault))
    groups.push(group('v99', { oldestCreatedAtMs: 70_000, uploadStillSinceMs: null }))
    const text = await textOf({}, groups)
    assert.equal([...text.matchAll(/^firn_unfinished_jobs\{/gm)].length, 51)
    assert.match(text, /^firn_unfinished_jobs\{vault="v49",state="uploading"\} 1$/m)
    assert.match(text, /^firn_unfinished_jobs\{vault="\(other\)",state="uploading"\} 4$/m)
    assert.match(text, /^firn_unfinished_bytes\{vault="\(other\)",state="uploading"\} 40$/m)
    assert.match(text, /^firn_unfinished_age_seconds\{vault="\(other\)",state="uploading"\} 30$/m)
    assert.match(text, /^firn_upload_idle_seconds\{vault="\(other\)",state="uploading"\} 5$/m)
  })

  it('tells how long uploads stood still only where there are some', async () => {
    const text = await textOf({}, [group('photos', { state: 'queued', uploadStillSinceMs: null })])
    assert.match(text, /^firn_unfinished_idle_seconds\{vault="photos",state="queued"\} 6$/m)
    assert.doesNotMatch(text, /^firn_upload_idle_seconds/m)
  })
})
