import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDirectorySync } from './directory-sync.ts'

describe('createDirectorySync()', () => {
  it('covers each caller with a sync that began after it asked', async () => {
    const started: { path: string; finish: () => void }[] = []
    const sync = createDirectorySync((path) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      started.push({ path, finish: resolve })
      return promise
    })
    const settled: string[] = []
    const ask = async (name: string) => {
      await sync('/d')
      settled.push(name)
    }
    const all = [ask('first'), ask('second'), ask('third')]
    assert.equal(started.length, 1, 'the first caller starts at once, the others wait')
    started[0]!.finish()
    await all[0]
    assert.deepEqual(settled, ['first'])
    while (started.length < 2) await new Promise(setImmediate)
    assert.equal(started.length, 2, 'two callers share the second sync')
    started[1]!.finish()
    await Promise.all(all)
    assert.deepEqual(settled, ['first', 'second', 'third'])
  })

  it('tells every caller of a sync that it failed, and syncs again for the next', async () => {
    let runs = 0
    const sync = createDirectorySync(async () => {
      runs += 1
      if (runs === 1) throw new Error('EIO')
    })
    const results = await Promise.allSettled([sync('/d'), sync('/d'), sync('/e')])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    )
    await sync('/d')
    assert.equal(runs, 4)
  })
})
