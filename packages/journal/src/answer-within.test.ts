import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { createJobId } from '@firn/core'
import { answerWithin } from './answer-within.ts'
import { openDirectoryJournal } from './directory-journal.ts'

const never = new AbortController().signal
const id = createJobId(1, new Uint8Array(10).fill(1))

/** A journal whose file of one job answers nobody until it is let go: nobody writes to its pipe. */
async function withSilentFile(
  test: (journal: Awaited<ReturnType<typeof openDirectoryJournal>>) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'firn-journal-'))
  const journal = await openDirectoryJournal({ directory })
  const pipe = join(directory, id.slice(-1), `${id}.json`)
  await promisify(execFile)('mkfifo', [pipe])
  try {
    await test(journal)
  } finally {
    // Waits for the reader, which may not have got to opening it.
    const writer = await open(pipe, 'w')
    await writer.close()
    await rm(directory, { recursive: true })
  }
}

describe('answerWithin()', () => {
  it('gives what the work gives, and fails as it fails', async () => {
    const limits = { timeoutMs: 60_000, signal: never }
    assert.equal(await answerWithin(Promise.resolve(7), limits), 7)
    const failure = new Error('no space')
    await assert.rejects(answerWithin(Promise.reject(failure), limits), failure)
  })

  it('waits no longer than it is told to, and ignores how the work ends then', async () => {
    const { promise, reject } = Promise.withResolvers<number>()
    const waiting = answerWithin(promise, { timeoutMs: 1, signal: null })
    await assert.rejects(waiting, { message: 'no answer within 1 ms' })
    reject(new Error('too late'))
  })
})

describe('a directory journal whose file system does not answer', () => {
  it('lets go of a run whose signal aborts', () =>
    withSilentFile(async (journal) => {
      const leaving = new AbortController()
      const loading = journal.load(id, leaving.signal)
      const reason = new Error('the run is over')
      leaving.abort(reason)
      await assert.rejects(loading, reason)
    }))

  it('is unavailable after 30 s', (t) =>
    withSilentFile(async (journal) => {
      t.mock.timers.enable({ apis: ['setTimeout'] })
      const loading = journal.load(id, never)
      t.mock.timers.tick(30_000)
      await assert.rejects(loading, { code: 'JOURNAL_UNAVAILABLE' })
    }))
})
