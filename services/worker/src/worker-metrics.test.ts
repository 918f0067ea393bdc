import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseJobId } from '@firn/core'
import { Registry } from 'prom-client'
import { createWorkerMetrics } from './worker-metrics.ts'

const id = parseJobId('01890000-0000-7000-8000-000000000001')!
const idle = { slotCount: () => 4, busyCount: () => 0, isHolding: () => false }

describe('createWorkerMetrics()', () => {
  it('counts by vault, from 0 before the first part of one is counted', async () => {
    const registry = new Registry()
    const { observe } = createWorkerMetrics(registry, idle)
    observe.phase('read_hash', 5, { id, vault: 'photos' })
    assert.match(await registry.metrics(), /^firn_part_bytes_total\{vault="photos"\} 0$/m)
    observe.part('uploaded', 'photos', 1000)
    observe.part('skipped', null, 0)
    const text = await registry.metrics()
    assert.match(text, /^firn_part_bytes_total\{vault="photos"\} 1000$/m)
    assert.match(text, /^firn_parts_total\{outcome="uploaded",vault="photos"\} 1$/m)
    assert.match(text, /^firn_parts_total\{outcome="failed",vault="photos"\} 0$/m)
    assert.match(text, /^firn_parts_total\{outcome="skipped",vault=""\} 1$/m)
    assert.doesNotMatch(text, /^firn_part_bytes_total\{vault=""\}/m)
    assert.ok(!text.includes(id), 'no job is a label')
  })
})
