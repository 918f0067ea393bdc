import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

/** Name and default of every setting; null where it has none. */
async function settings(): Promise<ReadonlyMap<string, string | null>> {
  const text = await readFile('.env.example', 'utf8')
  const lines = text.matchAll(/^(# )?([A-Z][A-Z0-9_]+)=(.*)$/gm)
  return new Map(
    [...lines].map(([, hash, name, value]) => [name ?? '', hash ? null : (value ?? '')]),
  )
}

async function documented(): Promise<ReadonlyMap<string, string | null>> {
  const text = await readFile('docs/operations.md', 'utf8')
  const rows = text.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \| (?:`([^`]*)`)? ?\|/gm)
  return new Map([...rows].map(([, name, value]) => [name ?? '', value ?? null]))
}

describe('docs/operations.md', () => {
  it('has every variable of .env.example in its table, with its default, and no other', async () => {
    assert.deepEqual(await documented(), await settings())
  })
})
