import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createVaultLabels, nameVaults, OTHER_VAULTS, VAULT_LABELS_MAX } from './vault-labels.ts'

const many = Array.from({ length: 10_000 }, (_, index) => `vault-${String(index).padStart(5, '0')}`)

describe('createVaultLabels()', () => {
  it('names the first vaults for good, and no more than it may', () => {
    const labelOf = createVaultLabels()
    const labels = new Set(many.map(labelOf))
    assert.equal(labels.size, VAULT_LABELS_MAX + 1)
    assert.ok(labels.has(OTHER_VAULTS))
    assert.equal(labelOf('vault-00000'), 'vault-00000')
    assert.equal(labelOf('vault-09999'), OTHER_VAULTS)
    assert.equal(labelOf(null), '')
  })
})

describe('nameVaults()', () => {
  it('names the same vaults whatever the order in which they were seen', () => {
    const [there, back] = [nameVaults(many), nameVaults(many.toReversed())]
    assert.deepEqual(many.map(there), many.map(back))
    assert.equal(new Set(many.map(there)).size, VAULT_LABELS_MAX + 1)
    assert.equal(there('vault-00049'), 'vault-00049')
    assert.equal(there('vault-00050'), OTHER_VAULTS)
  })
})
