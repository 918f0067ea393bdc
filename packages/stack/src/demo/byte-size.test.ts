import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import { formatByteSize, parseByteSize } from './byte-size.ts'

describe('parseByteSize()', () => {
  it('reads bytes, and binary units in any case, with or without their letters', () => {
    assert.equal(parseByteSize('1'), 1)
    assert.equal(parseByteSize('1B'), 1)
    assert.equal(parseByteSize('256MiB'), 256 * MIB)
    assert.equal(parseByteSize('256 mib'), 256 * MIB)
    assert.equal(parseByteSize('1.5G'), 1536 * MIB)
    assert.equal(parseByteSize('0'), 0)
  })

  it('refuses what is no size and what is no whole byte', () => {
    for (const text of ['', 'x', '-1', '1.5', '1e3', '5PiB', '1 MiB more']) {
      assert.equal(parseByteSize(text), undefined, text)
    }
  })
})

describe('formatByteSize()', () => {
  it('takes the largest unit that leaves one or more of it', () => {
    assert.equal(formatByteSize(0), '0 B')
    assert.equal(formatByteSize(1023), '1023 B')
    assert.equal(formatByteSize(1024), '1 KiB')
    assert.equal(formatByteSize(256 * MIB), '256 MiB')
    assert.equal(formatByteSize(1.5 * 1024 * MIB), '1.50 GiB')
  })
})
