import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { aDefinition, aReceipt } from '@firn/testing'
import { openDirectoryJournal } from './directory-journal.ts'

const { signal } = new AbortController()

async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'firn-journal-'))
  try {
    await test(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === 'JOURNAL_UNAVAILABLE'
}

describe('openDirectoryJournal()', () => {
  it('finds what an earlier process put, past the leftovers of a crash', () =>
    withDirectory(async (directory) => {
      const definition = aDefinition()
      const before = await openDirectoryJournal({ directory })
      await before.putDefinition(definition, signal)
      await before.putReceipt(aReceipt(definition, 'A1'), signal)
      const shard = join(directory, definition.id.slice(-1))
      await writeFile(join(shard, '.torn.tmp'), '{"id":')
      await writeFile(join(shard, definition.id, '.torn.tmp'), '')

      const after = await openDirectoryJournal({ directory })
      assert.equal((await after.load(definition.id, signal))?.receipt?.archive.archiveId, 'A1')
      assert.deepEqual(await Array.fromAsync(after.jobIds(signal)), [definition.id])
    }))

  it('answers a ping while its directory can be written, and not after', () =>
    withDirectory(async (parent) => {
      const directory = join(parent, 'journal')
      const journal = await openDirectoryJournal({ directory })
      await journal.ping(signal)
      const names = await readdir(directory)
      assert.deepEqual(
        names.filter((name) => name.includes('.tmp')),
        [],
      )
      await rm(directory, { recursive: true })
      await assert.rejects(journal.ping(signal), isUnavailable)
    }))

  it('leaves no temporary file behind', () =>
    withDirectory(async (directory) => {
      const journal = await openDirectoryJournal({ directory })
      const definition = aDefinition()
      await Promise.all([1, 2, 3].map(() => journal.putDefinition(definition, signal)))
      await journal.putReceipt(aReceipt(definition, 'A1'), signal)
      const names = await readdir(directory, { recursive: true })
      assert.deepEqual(
        names.filter((name) => name.includes('.tmp')),
        [],
      )
    }))

  it('accepts no job into a directory whose disk is gone', () =>
    withDirectory(async (parent) => {
      const directory = join(parent, 'journal')
      const journal = await openDirectoryJournal({ directory })
      await rm(directory, { recursive: true })
      await assert.rejects(journal.putDefinition(aDefinition(), signal), isUnavailable)
    }))

  it('reports a damaged record as an error, never as absent', () =>
    withDirectory(async (directory) => {
      const journal = await openDirectoryJournal({ directory })
      const definition = aDefinition()
      await writeFile(join(directory, definition.id.slice(-1), `${definition.id}.json`), '{"id":1}')
      await assert.rejects(journal.load(definition.id, signal), isUnavailable)
      await assert.rejects(journal.putDefinition(definition, signal), isUnavailable)
    }))
})
