import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { accountOf } from './account-of.ts'

describe('accountOf()', () => {
  it('is the first part of a location, unless that stands for whoever asks', () => {
    const of = (location: string) => accountOf({ location })
    assert.equal(of('/111122223333/vaults/photos/archives/A-1'), '111122223333')
    assert.equal(of('/-/vaults/photos/archives/A-1'), null)
    assert.equal(of('/1111222233334/vaults/photos/archives/A-1'), null)
    assert.equal(of(''), null)
  })
})
