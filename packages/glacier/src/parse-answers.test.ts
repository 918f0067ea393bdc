import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AppError, ARCHIVE_SIZE_MAX_BYTES } from '@firn/core'
import fc from 'fast-check'
import {
  parseDateMs,
  parseId,
  parseInventory,
  parseOpenUpload,
  parseRange,
  parseStoredPart,
  parseTreeHash,
  parseVault,
} from './parse-answers.ts'

const offset = fc.integer({ min: 0, max: ARCHIVE_SIZE_MAX_BYTES - 1 })
const isUnavailable = (error: unknown) =>
  error instanceof AppError && error.code === 'GLACIER_UNAVAILABLE'

describe('parseRange()', () => {
  it('reads both ends as inclusive, up to the largest archive', () => {
    fc.assert(
      fc.property(offset, offset, (one, two) => {
        const [first, last] = [Math.min(one, two), Math.max(one, two)]
        assert.deepEqual(parseRange(`${first}-${last}`), { start: first, end: last + 1 })
      }),
    )
  })

  it('takes nothing else for a range', () => {
    const texts = ['', '-', '5', '5-', '-5', '6-5', '0x1-2', '1-2-3', ' 1-2', '1-2/*', '1.5-2']
    for (const text of [...texts, 'bytes 0-1', undefined, `0-${'9'.repeat(16)}`]) {
      assert.equal(parseRange(text), undefined)
    }
  })
})

describe('parseDateMs()', () => {
  it('reads what toISOString writes, with and without milliseconds', () => {
    const year = { min: new Date('2012-01-01'), max: new Date('2199-12-31'), noInvalidDate: true }
    fc.assert(
      fc.property(fc.date(year), (date) => {
        const text = date.toISOString()
        assert.equal(parseDateMs(text), date.getTime())
        const seconds = Math.floor(date.getTime() / 1000) * 1000
        assert.equal(parseDateMs(text.replace(/\.\d+/, '')), seconds)
      }),
    )
  })

  it('takes no other form, and no date that does not exist', () => {
    const texts = ['', '2026-11-23', '2026-13-01T00:00:00Z', 'Mon, 23 Nov 2026 12:00:00 GMT']
    for (const text of [...texts, '2026-11-23T12:00:00+01:00', undefined]) {
      assert.equal(parseDateMs(text), undefined)
    }
  })
})

describe('parseId(), parseTreeHash()', () => {
  it('takes ids that begin with a hyphen, and none that are empty or damaged', () => {
    assert.equal(parseId('-_aZ9'), '-_aZ9')
    for (const text of [undefined, '', 'a b', 'a\n', 'ä', 'a'.repeat(1025)]) {
      assert.equal(parseId(text), undefined)
    }
  })

  it('takes 64 hex digits in either case, as lower case', () => {
    assert.equal(parseTreeHash('AB'.repeat(32)), 'ab'.repeat(32))
    for (const text of [undefined, '', 'ab'.repeat(31), 'xy'.repeat(32)]) {
      assert.equal(parseTreeHash(text), undefined)
    }
  })
})

describe('elements of lists', () => {
  it('refuses any that lacks what Glacier always sends', () => {
    const part = { RangeInBytes: '0-1', SHA256TreeHash: 'a'.repeat(64) }
    const upload = {
      MultipartUploadId: 'x',
      PartSizeInBytes: 1,
      CreationDate: '2026-01-01T00:00:00Z',
    }
    const vault = { VaultName: 'v', VaultARN: 'arn', CreationDate: '2026-01-01T00:00:00Z' }
    assert.deepEqual(parseStoredPart(part).range, { start: 0, end: 2 })
    assert.equal(parseOpenUpload(upload).description, null)
    assert.deepEqual(parseVault(vault).archiveCount, 0)
    for (const name of Object.keys(part)) {
      assert.throws(() => parseStoredPart({ ...part, [name]: undefined }), isUnavailable)
    }
    for (const name of Object.keys(upload)) {
      assert.throws(() => parseOpenUpload({ ...upload, [name]: undefined }), isUnavailable)
    }
    for (const name of Object.keys(vault)) {
      assert.throws(() => parseVault({ ...vault, [name]: undefined }), isUnavailable)
    }
  })
})

describe('parseInventory()', () => {
  const inventory = { InventoryDate: '2026-01-01T00:00:00Z', ArchiveList: [] }
  const account = (VaultARN: string | undefined) =>
    parseInventory(JSON.stringify({ ...inventory, VaultARN })).account

  it('finds the account of the vault, where the inventory tells', () => {
    assert.equal(account('arn:aws:glacier:us-east-1:111122223333:vaults/v'), '111122223333')
    assert.equal(
      account('arn:aws-us-gov:glacier:us-gov-west-1:111122223333:vaults/v'),
      '111122223333',
    )
    for (const arn of [undefined, '', 'arn:aws:glacier:us-east-1:1:vaults/v']) {
      assert.equal(account(arn), null)
    }
  })
})
