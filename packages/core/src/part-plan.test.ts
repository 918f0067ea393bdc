import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  ARCHIVE_SIZE_MAX_BYTES,
  MIB,
  PART_COUNT_MAX,
  PART_SIZE_MAX_BYTES,
  PART_SIZE_MIN_BYTES,
} from './limits.ts'
import { choosePartSize, isPartSize, partRange, planParts, smallestPartSize } from './part-plan.ts'

const partSizes = Array.from({ length: 13 }, (_, power) => MIB * 2 ** power)
const anArchiveSize = fc.oneof(
  fc.integer({ min: 1, max: 64 * MIB }),
  fc.maxSafeNat().map((n) => 1 + (n % ARCHIVE_SIZE_MAX_BYTES)),
  fc.constantFrom(1, MIB - 1, MIB, MIB + 1, PART_COUNT_MAX * MIB, PART_COUNT_MAX * MIB + 1),
)

describe('isPartSize()', () => {
  it('accepts the thirteen powers of two MiB from 1 MiB to 4 GiB', () => {
    assert.deepEqual(partSizes.filter(isPartSize), partSizes)
    assert.equal(partSizes[0], PART_SIZE_MIN_BYTES)
    assert.equal(partSizes.at(-1), PART_SIZE_MAX_BYTES)
  })

  it('refuses everything else', () => {
    for (const bytes of [0, -MIB, 1, MIB / 2, MIB - 1, MIB + 1, 3 * MIB, 10 * MIB, 8 * 1024 ** 3]) {
      assert.equal(isPartSize(bytes), false, String(bytes))
    }
    for (const bytes of [Number.NaN, Number.POSITIVE_INFINITY, MIB + 0.5]) {
      assert.equal(isPartSize(bytes), false, String(bytes))
    }
  })
})

describe('planParts()', () => {
  it('tiles the archive exactly: parts touch, only the last is shorter, none is empty', () => {
    fc.assert(
      fc.property(anArchiveSize, fc.constantFrom(...partSizes), (sizeBytes, partSizeBytes) => {
        const result = planParts({ sizeBytes, partSizeBytes })
        if (!result.ok) return assert.equal(result.reason, 'part-size-too-small')
        const { plan } = result
        assert.ok(plan.partCount <= PART_COUNT_MAX)
        let end = 0
        for (let index = 0; index < plan.partCount; index += 1) {
          const range = partRange(plan, index)
          assert.equal(range.start, end)
          assert.ok(range.end > range.start)
          if (index < plan.partCount - 1) assert.equal(range.end - range.start, partSizeBytes)
          end = range.end
        }
        assert.equal(end, sizeBytes)
      }),
    )
  })

  it('has no empty last part when the size is a multiple of the part size', () => {
    const result = planParts({ sizeBytes: 4 * MIB, partSizeBytes: 2 * MIB })
    assert.deepEqual(result, {
      ok: true,
      plan: { sizeBytes: 4 * MIB, partSizeBytes: 2 * MIB, partCount: 2 },
    })
  })

  it('refuses an empty archive and one above 10,000 parts of 4 GiB', () => {
    const partSizeBytes = PART_SIZE_MAX_BYTES
    assert.deepEqual(planParts({ sizeBytes: 0, partSizeBytes }), { ok: false, reason: 'empty' })
    assert.equal(planParts({ sizeBytes: ARCHIVE_SIZE_MAX_BYTES, partSizeBytes }).ok, true)
    const tooLarge = planParts({ sizeBytes: ARCHIVE_SIZE_MAX_BYTES + 1, partSizeBytes })
    assert.deepEqual(tooLarge, { ok: false, reason: 'too-large' })
  })

  it('refuses part 10,001 before it begins and names the size that fits', () => {
    const sizeBytes = PART_COUNT_MAX * MIB + 1
    assert.deepEqual(planParts({ sizeBytes, partSizeBytes: MIB }), {
      ok: false,
      reason: 'part-size-too-small',
      partSizeMinBytes: 2 * MIB,
    })
  })
})

describe('smallestPartSize()', () => {
  it('is the smallest that keeps to 10,000 parts', () => {
    fc.assert(
      fc.property(anArchiveSize, (sizeBytes) => {
        const partSizeBytes = smallestPartSize(sizeBytes)
        assert.ok(isPartSize(partSizeBytes))
        assert.ok(Math.ceil(sizeBytes / partSizeBytes) <= PART_COUNT_MAX)
        if (partSizeBytes > MIB) assert.ok(sizeBytes / (partSizeBytes / 2) > PART_COUNT_MAX)
      }),
    )
  })
})

describe('choosePartSize()', () => {
  it('keeps the preferred size until it gives too many parts', () => {
    const preferredBytes = 16 * MIB
    assert.equal(choosePartSize({ sizeBytes: 1, preferredBytes }), preferredBytes)
    const most = preferredBytes * PART_COUNT_MAX
    assert.equal(choosePartSize({ sizeBytes: most, preferredBytes }), preferredBytes)
    assert.equal(choosePartSize({ sizeBytes: most + 1, preferredBytes }), 2 * preferredBytes)
  })

  it('is one that can be planned with for any size, so that too large is what it is called', () => {
    for (const sizeBytes of [ARCHIVE_SIZE_MAX_BYTES + 1, 2 ** 47, 2 ** 63]) {
      const partSizeBytes = choosePartSize({ sizeBytes, preferredBytes: 16 * MIB })
      assert.equal(partSizeBytes, PART_SIZE_MAX_BYTES)
      assert.deepEqual(planParts({ sizeBytes, partSizeBytes }), { ok: false, reason: 'too-large' })
    }
  })
})
