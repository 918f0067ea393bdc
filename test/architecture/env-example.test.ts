import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { neutralVariables } from '@firn/stack'
import { readApiConfig } from '../../services/api/src/config.ts'
import { readFinalizerConfig } from '../../services/finalizer/src/config.ts'
import { readVaultConfig } from '../../services/vault/src/config.ts'
import { readWorkerConfig } from '../../services/worker/src/config.ts'

/** Where processes read settings: each declares them as the keys of one zod object. */
const READERS = [
  'services/*/src/config.ts',
  'packages/stack/src/start-config.ts',
  'packages/runtime/src/run-service.ts',
]
/** Read by the SDK rather than by Firn. */
const SDK_VARIABLES = [
  'AWS_REGION',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL_S3',
]

async function declaredVariables(): Promise<string[]> {
  const names: string[] = [...SDK_VARIABLES]
  for await (const file of glob(READERS)) {
    const found = (await readFile(file, 'utf8')).matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)
    names.push(...[...found].map(([, name]) => name ?? ''))
  }
  return [...new Set(names)].sort()
}

async function documentedVariables(): Promise<string[]> {
  const text = await readFile('.env.example', 'utf8')
  return [...text.matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name ?? '').sort()
}

describe('.env.example', () => {
  it('shows every setting, each once, and no other', async () => {
    assert.deepEqual(await documentedVariables(), await declaredVariables())
  })

  it('shows the defaults that hold without it', async () => {
    const text = await readFile('.env.example', 'utf8')
    const lines = [...text.matchAll(/^([A-Z][A-Z0-9_]+)=(.+)$/gm)]
    const example = Object.fromEntries(lines.map(([, name, value]) => [name, value]))
    const required = {
      API_TOKEN: 'token-of-a-test',
      SOURCE_ROOTS: '/srv',
      VAULT_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      VAULT_SECRET_ACCESS_KEY: 'secret-of-a-test',
    }
    for (const read of [readApiConfig, readFinalizerConfig, readVaultConfig, readWorkerConfig]) {
      assert.deepEqual(read({ ...required, ...example }), read(required), read.name)
    }
  })

  it('shows nothing, but the level of the log, that tests and the demo inherit', async () => {
    const names = (await documentedVariables()).filter((name) => name !== 'LOG_LEVEL')
    const env = Object.fromEntries(names.map((name) => [name, 'x']))
    assert.deepEqual(neutralVariables(env), {})
  })
})
