import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createJobId } from './ids.ts'
import { DESCRIPTION_MAX_BYTES, USER_DESCRIPTION_MAX_BYTES } from './limits.ts'
import { isPrintableAscii, markedDescription, parseMarker } from './marker.ts'

const aMarker = fc.record(
  {
    jobId: fc
      .tuple(fc.nat(), fc.uint8Array({ minLength: 10, maxLength: 10 }))
      .map(([nowMs, random]) => createJobId(nowMs, random)),
    generation: fc.integer({ min: 1, max: 999_999_999 }),
  },
  { noNullPrototype: true },
)
const aDescription = fc.string({
  unit: 'grapheme-ascii',
  maxLength: USER_DESCRIPTION_MAX_BYTES,
  size: 'max',
})

describe('markedDescription()', () => {
  it('is found again by parseMarker(), whatever the user wrote, within 1,024 bytes', () => {
    fc.assert(
      fc.property(aMarker, aDescription, (marker, text) => {
        const description = markedDescription(marker, text)
        assert.deepEqual(parseMarker(description), marker)
        assert.ok(Buffer.byteLength(description) <= DESCRIPTION_MAX_BYTES)
        assert.ok(isPrintableAscii(description))
        assert.ok(description.endsWith(text))
      }),
    )
  })

  it('refuses text that Glacier would not keep as it is', () => {
    const marker = { jobId: createJobId(0, new Uint8Array(10)), generation: 1 }
    assert.throws(() => markedDescription(marker, 'a\r\nb'), /printable/)
    assert.throws(() => markedDescription(marker, 'é'), /printable/)
    assert.throws(() => markedDescription(marker, 'x'.repeat(961)), /961 bytes/)
  })
})

describe('parseMarker()', () => {
  it('finds none in descriptions of others', () => {
    const id = createJobId(0, new Uint8Array(10))
    const others = [
      null,
      undefined,
      '',
      'holiday photos',
      ` firn1 j=${id} g=1`,
      `firn1 j=${id} g=0`,
    ]
    for (const text of [...others, `firn1 j=${id} g=1x`, `firn2 j=${id} g=1`]) {
      assert.equal(parseMarker(text), undefined, String(text))
    }
  })
})
