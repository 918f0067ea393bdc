import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { describe, it } from 'node:test'
import { Registry } from 'prom-client'
import { observeDisks } from './disk-metrics.ts'

describe('observeDisks()', () => {
  it('measures the disk under each directory, and leaves out one that is not there', async () => {
    const registry = new Registry()
    observeDisks(registry, [
      { volume: 'journal', directory: tmpdir() },
      { volume: 'gone', directory: '/no/such/directory' },
    ])
    const text = await registry.metrics()
    const sampleOf = (name: string, volume: string): number =>
      Number(new RegExp(`^${name}\\{volume="${volume}"\\} (\\d+)$`, 'm').exec(text)?.[1])
    const size = sampleOf('firn_disk_size_bytes', 'journal')
    const free = sampleOf('firn_disk_free_bytes', 'journal')
    assert.ok(size > 0 && free > 0 && free <= size, text)
    assert.ok(!text.includes('gone'), text)
  })
})
