import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { allScenarios } from './all-scenarios.ts'

describe('docs/reliability.md', () => {
  it('shows every scenario, with its fault and its promised outcome, and no other', async () => {
    const text = await readFile('docs/reliability.md', 'utf8')
    const section = text.split('\n## ').find((one) => one.startsWith('Faults'))
    assert.ok(section, 'there is a section called Faults')
    const rows = section.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'))
    const wanted = allScenarios.map(
      ({ id, fault, outcome }) => `| ${fault} | ${outcome} | \`${id}\` |`,
    )
    assert.deepEqual(rows, wanted)
  })

  it('gives every scenario a name of its own', () => {
    assert.equal(new Set(allScenarios.map(({ id }) => id)).size, allScenarios.length)
  })
})
