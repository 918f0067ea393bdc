import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createJobId, jobIdOfKey, parseJobId } from './ids.ts'

const aTime = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const aSeed = fc.uint8Array({ minLength: 10, maxLength: 10 })

describe('createJobId()', () => {
  it('makes UUIDs of version 7 and variant 10 that the parser takes', () => {
    fc.assert(
      fc.property(aTime, aSeed, (nowMs, random) => {
        const id = createJobId(nowMs, random)
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        assert.equal(parseJobId(id), id)
        assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), nowMs)
      }),
    )
  })

  it('sorts by time', () => {
    fc.assert(
      fc.property(aTime, aTime, aSeed, aSeed, (first, second, a, b) => {
        fc.pre(first < second)
        assert.ok(createJobId(first, a) < createJobId(second, b))
      }),
    )
  })
})

describe('jobIdOfKey()', () => {
  it('makes UUIDs of version 8 that are the same for the same key and no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        const id = jobIdOfKey(one)
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        assert.equal(parseJobId(id), id)
        assert.equal(jobIdOfKey(other) === id, other === one)
      }),
    )
  })

  it('stays as it is: jobs that were accepted are found by it', () => {
    assert.equal(jobIdOfKey('key'), 'e18dd3cf-bcaf-853c-af8c-75a428b452d9')
  })
})

describe('parseJobId()', () => {
  it('refuses what is not a lower-case UUID', () => {
    const id = createJobId(0, new Uint8Array(10))
    for (const text of [
      '',
      'a:b',
      '123',
      id.toUpperCase().replace('7', 'A'),
      `${id}\n`,
      ` ${id}`,
    ]) {
      assert.equal(parseJobId(text), undefined, JSON.stringify(text))
    }
  })
})
