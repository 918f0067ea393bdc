import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import { parseDemoOptions } from './options.ts'

describe('parseDemoOptions()', () => {
  it('makes one file of 256 MiB when nothing is asked for', () => {
    const parsed = parseDemoOptions([])
    assert.ok(parsed.ok)
    assert.deepEqual(parsed.options.files, [])
    assert.equal(parsed.options.sizeBytes, 256 * MIB)
    assert.equal(parsed.options.partSizeBytes, null)
    assert.ok(parsed.options.workerCount >= 1)
    assert.equal(parsed.options.keepsScratch, false)
  })

  it('takes files, a size, a part size, a number of workers', () => {
    const args = ['a.bin', '--size', '1B', '--part-size=2MiB', '--workers', '3', '--keep', 'b.bin']
    assert.deepEqual(parseDemoOptions(args), {
      ok: true,
      options: {
        files: ['a.bin', 'b.bin'],
        sizeBytes: 1,
        partSizeBytes: 2 * MIB,
        workerCount: 3,
        keepsScratch: true,
      },
    })
  })

  it('refuses what it cannot use, and says which', () => {
    for (const [args, pattern] of [
      [['--size', 'big'], /--size.*"big"/],
      [['--part-size', '3MiB'], /--part-size.*"3MiB"/],
      [['--part-size', 'x'], /--part-size.*"x"/],
      [['--workers', '0'], /--workers.*"0"/],
      [['--speed'], /--speed/],
    ] as const) {
      const parsed = parseDemoOptions(args)
      assert.ok(!parsed.ok)
      assert.match(parsed.reason, pattern)
    }
  })
})
