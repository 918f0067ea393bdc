import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import { parsePartRange } from './content-range.ts'

const partSizeBytes = 4 * MIB

function refuses(text: string, contentLength: number | undefined, message: string | RegExp): void {
  assert.throws(
    () => parsePartRange(text, { partSizeBytes, contentLength }),
    typeof message === 'string' ? { code: 'InvalidParameterValueException', message } : message,
  )
}

describe('parsePartRange()', () => {
  it('finds the part by its first byte', () => {
    const text = `bytes ${8 * MIB}-${12 * MIB - 1}/*`
    assert.deepEqual(parsePartRange(text, { partSizeBytes, contentLength: partSizeBytes }), {
      index: 2,
      sizeBytes: partSizeBytes,
    })
  })

  it('accepts a short part anywhere, a total, and a body of unknown length', () => {
    assert.deepEqual(parsePartRange('bytes 0-0/*', { partSizeBytes, contentLength: 1 }), {
      index: 0,
      sizeBytes: 1,
    })
    assert.deepEqual(parsePartRange('bytes 0-9/100', { partSizeBytes, contentLength: undefined }), {
      index: 0,
      sizeBytes: 10,
    })
  })

  it('refuses a range that ends before it begins, as an empty part would have', () => {
    const text = 'bytes 909994937-909994936/*'
    refuses(text, 0, `Invalid Content-Range: ${text}`)
  })

  it('refuses what is not a range', () => {
    for (const text of ['', '0-1', 'bytes=0-1/*', 'bytes 0-1', 'bytes a-b/*', 'bytes */*']) {
      refuses(text, 2, `Invalid Content-Range: ${text}`)
    }
  })

  it('refuses a range that differs from the length of the body', () => {
    refuses(
      'bytes 0-4194303/*',
      3_146_447,
      'Content-Range: bytes 0-4194303/* is incompatible with Content-Length: 3146447',
    )
  })

  it('refuses a range that is not aligned, or longer than a part', () => {
    refuses(`bytes 1-${partSizeBytes}/*`, partSizeBytes, /does not start at a multiple/)
    refuses(`bytes 0-${partSizeBytes}/*`, partSizeBytes + 1, /longer than the part size/)
  })

  it('accepts part 10,000 and refuses part 10,001', () => {
    const last = 9999 * partSizeBytes
    const range = parsePartRange(`bytes ${last}-${last}/*`, { partSizeBytes, contentLength: 1 })
    assert.equal(range.index, 9999)
    const beyond = 10_000 * partSizeBytes
    refuses(
      `bytes ${beyond}-${beyond}/*`,
      1,
      'This is part number 10001 for the current multipart upload. It exceeds the limit of 10000 parts.',
    )
  })
})
