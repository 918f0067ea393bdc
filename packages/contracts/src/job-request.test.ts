import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isPartSize, MARKER_PREFIX, markedDescription, parseJobId } from '@firn/core'
import fc from 'fast-check'
import { JobRequest, normalizeJobRequest } from './job-request.ts'
import { inputErrors } from './validation.ts'

const minimal = { vault: 'photos', source: { type: 'file', path: '/srv/a' } }
const normal = (changes: object) =>
  normalizeJobRequest(JobRequest.parse({ ...minimal, ...changes }))
const isAccepted = (changes: object) => JobRequest.safeParse({ ...minimal, ...changes }).success

describe('JobRequest', () => {
  it('fills in what was not asked for', () => {
    assert.deepEqual(normal({}), {
      ...minimal,
      description: '',
      partSizeBytes: null,
      priority: 3,
      expected: { sizeBytes: null, sha256: null, sha256TreeHash: null },
      labels: {},
    })
  })

  it('takes every part size that Glacier takes, and no other', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.maxSafeInteger(),
          fc.double(),
          fc.nat(40).map((n) => 2 ** n),
        ),
        (size) => {
          assert.equal(isAccepted({ partSize: size }), isPartSize(size))
        },
      ),
    )
  })

  it('keeps descriptions that fit behind the marker, without their leading spaces', () => {
    const id = parseJobId('01890000-0000-7000-8000-000000000000')
    assert.ok(id)
    fc.assert(
      fc.property(fc.string({ maxLength: 1000 }), (text) => {
        if (!isAccepted({ description: text })) return
        const { description } = normal({ description: text })
        assert.equal(description, text.trimStart())
        assert.ok(!description.startsWith(MARKER_PREFIX))
        assert.ok(
          markedDescription({ jobId: id, generation: 999_999_999 }, description).length <= 1024,
        )
      }),
    )
    assert.ok(isAccepted({ description: 'x'.repeat(960) }))
    assert.ok(isAccepted({ description: `${' '.repeat(500)}${'x'.repeat(960)}` }))
    assert.equal(normal({ description: '   ' }).description, '')
  })

  it('takes only vault names that survive as one segment of a URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (vault) => {
        if (!isAccepted({ vault })) return
        assert.equal(new URL(`http://x/vaults/${vault}/y`).pathname, `/vaults/${vault}/y`)
        assert.ok(vault.length > 0 && vault.length <= 255)
      }),
    )
    assert.ok(isAccepted({ vault: 'a.b_c-D9' }))
    assert.ok(isAccepted({ vault: '...' }))
  })

  it('compares hashes in lower case', () => {
    const { expected } = normal({ expected: { sha256: 'AB'.repeat(32), size: 1 } })
    assert.equal(expected.sha256, 'ab'.repeat(32))
  })

  it('turns equal requests into the same text, whatever the order of their keys', () => {
    const labels = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,5}$/),
      fc.stringMatching(/^[a-z]{0,5}$/),
      {
        maxKeys: 16,
      },
    )
    fc.assert(
      fc.property(labels, (wanted) => {
        const turned = Object.fromEntries(Object.entries(wanted).reverse())
        const reordered = { labels: turned, source: minimal.source, vault: minimal.vault }
        assert.equal(
          JSON.stringify(normal({ labels: wanted })),
          JSON.stringify(normalizeJobRequest(JobRequest.parse(reordered))),
        )
      }),
    )
  })

  it('refuses a part size that cuts the expected size into more than 10,000 parts', () => {
    const sized = (size: number) => ({ partSize: 2 ** 20, expected: { size } })
    assert.ok(isAccepted(sized(10_000 * 2 ** 20)))
    assert.ok(!isAccepted(sized(10_000 * 2 ** 20 + 1)))
  })
})

describe('inputErrors()', () => {
  it('names each unknown key under its own pointer, at most twenty in all', () => {
    const unknown = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 1]))
    const result = JobRequest.safeParse({ ...minimal, ...unknown, vault: 5 })
    assert.ok(!result.success)
    const errors = inputErrors(result.error)
    assert.equal(errors.length, 20)
    assert.equal(errors[0]?.path, '/vault')
    assert.deepEqual(errors[1], { path: '/k0', message: 'is not a known key' })
  })

  it('says that what is missing is required', () => {
    const result = JobRequest.safeParse({ vault: 'v' })
    assert.ok(!result.success)
    assert.deepEqual(inputErrors(result.error), [{ path: '/source', message: 'is required' }])
  })
})
