import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'

/** Who may depend on whom. A new edge is a design decision: add it here, with an ADR. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: [],
  contracts: ['core'],
  redis: ['core'],
  records: ['core'],
  store: ['core', 'records'],
  queue: ['core'],
  board: ['core', 'queue'],
  journal: ['core', 'records'],
  glacier: ['core'],
  hashing: ['core'],
  sources: ['core', 'hashing'],
  engine: ['core', 'glacier', 'journal', 'queue', 'sources', 'store'],
  testing: ['core', 'journal', 'store'],
  stack: ['contracts', 'core'],
  api: [
    'board',
    'contracts',
    'core',
    'engine',
    'glacier',
    'journal',
    'queue',
    'redis',
    'runtime',
    'store',
  ],
  worker: [
    'core',
    'engine',
    'glacier',
    'hashing',
    'journal',
    'queue',
    'redis',
    'runtime',
    'sources',
    'store',
  ],
  finalizer: ['core', 'engine', 'glacier', 'journal', 'queue', 'redis', 'runtime', 'store'],
  vault: ['core', 'runtime'],
}

/** Use cases know ports, not adapters: of these, the engine may import types and nothing else. */
const portPackages = ['glacier', 'journal', 'queue', 'sources', 'store']

async function sources(pattern: string): Promise<{ file: string; text: string }[]> {
  const found: { file: string; text: string }[] = []
  for await (const file of glob(pattern)) {
    if (!file.endsWith('.test.ts')) found.push({ file, text: await readFile(file, 'utf8') })
  }
  assert.ok(found.length > 0, `nothing matches ${pattern}`)
  return found
}

describe('layers', () => {
  it('declares only the allowed edges between workspaces', async () => {
    const seen: string[] = []
    for await (const file of glob('{packages,services}/*/package.json')) {
      const manifest = JSON.parse(await readFile(file, 'utf8')) as {
        name: string
        dependencies?: Record<string, string>
      }
      const name = manifest.name.replace('@firn/', '')
      seen.push(name)
      const edges = Object.keys(manifest.dependencies ?? {})
        .filter((dependency) => dependency.startsWith('@firn/'))
        .map((dependency) => dependency.replace('@firn/', ''))
      const illegal = edges.filter((edge) => !allowed[name]?.includes(edge))
      assert.deepEqual(illegal, [], `${name} may not depend on`)
    }
    assert.deepEqual(seen.sort(), Object.keys(allowed).sort())
  })

  it('keeps core free of I/O, clocks, randomness and logging', async () => {
    const impure =
      /from '(?!\.|node:crypto')|randomBytes|randomUUID|Date\.now|new Date\(\)|Math\.random|setTimeout|console\.|process\./
    for (const { file, text } of await sources('packages/core/src/**/*.ts')) {
      assert.doesNotMatch(text, impure, file)
    }
  })

  it('lets the engine see ports only', async () => {
    const valueImport = new RegExp(
      `^import (?!type )(?!\\{ type [^}]*\\}).*'@firn/(?:${portPackages.join('|')})'`,
      'm',
    )
    for (const { file, text } of await sources('packages/engine/src/**/*.ts')) {
      assert.doesNotMatch(text, valueImport, file)
    }
  })

  it('keeps the vault and the client side apart', async () => {
    for (const { file, text } of await sources('services/vault/src/**/*.ts')) {
      assert.doesNotMatch(text, /@aws-sdk|@smithy|@firn\/(?!core'|runtime')/, file)
    }
  })

  it('lets the API load the board when somebody asks for it, not at its start', async () => {
    for (const { file, text } of await sources('services/api/src/**/*.ts')) {
      assert.doesNotMatch(text, /^import (?!type ).*'@firn\/board'/m, file)
    }
  })

  it('lets tests alone import what is for tests', async () => {
    for (const { file, text } of await sources('{packages,services}/*/src/**/*.ts')) {
      if (file.startsWith('packages/testing/')) continue
      assert.doesNotMatch(text, /@firn\/testing/, file)
    }
  })
})
