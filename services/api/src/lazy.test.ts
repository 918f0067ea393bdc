import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLazy } from './lazy.ts'

function aThing() {
  let disposedCount = 0
  return {
    disposedCount: () => disposedCount,
    async [Symbol.asyncDispose]() {
      disposedCount += 1
    },
  }
}

describe('createLazy()', () => {
  it('opens once, when asked, and closes what it opened', async () => {
    const thing = aThing()
    let openedCount = 0
    {
      await using lazy = createLazy(async () => {
        openedCount += 1
        return thing
      })
      assert.equal(openedCount, 0)
      assert.deepEqual(await Promise.all([lazy.get(), lazy.get()]), [thing, thing])
      assert.equal(openedCount, 1)
    }
    assert.equal(thing.disposedCount(), 1)
  })

  it('opens nothing to close it', async () => {
    await createLazy(() => assert.fail('not to be opened'))[Symbol.asyncDispose]()
  })

  it('tries again after a failure, and can be closed after one', async () => {
    const thing = aThing()
    const answers = [() => Promise.reject(new Error('away')), () => Promise.resolve(thing)]
    const lazy = createLazy(() => (answers.shift() ?? assert.fail)())
    await assert.rejects(lazy.get(), /away/)
    assert.equal(await lazy.get(), thing)
    const hopeless = createLazy(() => Promise.reject(new Error('away')))
    const failed = assert.rejects(hopeless.get(), /away/)
    await hopeless[Symbol.asyncDispose]()
    await failed
  })
})
