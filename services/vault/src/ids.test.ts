import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createArchiveIds, newCapacityId, newJobId, newKey, newLockId, newUploadId } from './ids.ts'

describe('ids', () => {
  it('have the lengths and the alphabet of the live service', () => {
    const key = newKey()
    const ids = createArchiveIds(Buffer.alloc(32, 1))
    const made = [ids.mint(key), newUploadId(), newJobId(), newLockId(), newCapacityId()]
    assert.deepEqual(
      made.map((id) => id.length),
      [138, 92, 92, 24, 24],
    )
    for (const id of made) assert.match(id, /^[A-Za-z0-9_-]+$/)
  })
})

describe('createArchiveIds()', () => {
  const ids = createArchiveIds(Buffer.alloc(32, 1))

  it('remembers the vault in the id', () => {
    const key = newKey()
    assert.equal(ids.vaultKeyOf(ids.mint(key)), key)
  })

  it('knows an id that somebody else minted, or that was changed, for what it is', () => {
    const foreign = createArchiveIds(Buffer.alloc(32, 2)).mint(newKey())
    assert.equal(ids.vaultKeyOf(foreign), undefined)
    const id = ids.mint(newKey())
    const changed = `${id.startsWith('A') ? 'B' : 'A'}${id.slice(1)}`
    assert.equal(ids.vaultKeyOf(changed), undefined)
    assert.equal(ids.vaultKeyOf(''), undefined)
  })
})
