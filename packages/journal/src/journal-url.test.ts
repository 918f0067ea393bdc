import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { journalDirectory, parseJournalUrl } from './journal-url.ts'

describe('parseJournalUrl()', () => {
  it('reads directories, relative and absolute', () => {
    const directory = (url: string) => parseJournalUrl(url)
    assert.deepEqual(directory('file:.firn/j'), { type: 'directory', directory: '.firn/j' })
    assert.deepEqual(directory('file:/srv/j'), { type: 'directory', directory: '/srv/j' })
    assert.deepEqual(directory('file:///srv/a%20b'), { type: 'directory', directory: '/srv/a b' })
  })

  it('reads buckets, with a prefix or without, however it ends', () => {
    const s3 = (bucket: string, prefix: string) => ({ type: 's3', bucket, prefix })
    assert.deepEqual(parseJournalUrl('s3://b-1.x/a/b'), s3('b-1.x', 'a/b/'))
    assert.deepEqual(parseJournalUrl('s3://b-1.x/a/b/'), s3('b-1.x', 'a/b/'))
    assert.deepEqual(parseJournalUrl('s3://bucket'), s3('bucket', ''))
    assert.deepEqual(parseJournalUrl('s3://bucket/'), s3('bucket', ''))
    assert.deepEqual(parseJournalUrl("s3://bucket/It's_(1)!*.x"), s3('bucket', "It's_(1)!*.x/"))
  })

  it('refuses what names no place, or more than one', () => {
    const bad = [
      ...['', 'file:', '/srv/journal', 'http://bucket/x', 's3:bucket', 's3://', 's3:///x'],
      ...['s3://Bucket/x', 's3://b/x', 's3://key:secret@bucket/x', 's3://bucket:9000/x'],
      ...['s3://bucket//x', 's3://bucket/x//y', 's3://bucket/./x', 's3://bucket/x/..'],
      ...['s3://bucket/x?region=y', 's3://bucket/x#y', 's3://bucket/a b', 's3://bucket/%41'],
      `s3://bucket/${'x'.repeat(901)}`,
    ]
    for (const url of bad) assert.throws(() => parseJournalUrl(url), /JOURNAL_URL is "/, url)
  })
})

describe('journalDirectory()', () => {
  it('is null for a journal without a disk', () => {
    assert.equal(journalDirectory('file:/srv/j'), '/srv/j')
    assert.equal(journalDirectory('s3://bucket/x'), null)
  })
})
