import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createGlacier } from './create-glacier.ts'

async function regionWith(env: Readonly<Record<string, string>>): Promise<string | null> {
  delete process.env.AWS_REGION
  delete process.env.AWS_PROFILE
  Object.assign(process.env, { AWS_CONFIG_FILE: '/dev/null' }, env)
  await using glacier = createGlacier()
  return await glacier.region()
}

describe('region() of createGlacier()', () => {
  it("is the one of the environment, or of the SDK's own files, or none", async () => {
    const directory = await mkdtemp(join(tmpdir(), 'firn-region-'))
    try {
      const file = join(directory, 'config')
      await writeFile(file, '[profile archivist]\nregion = eu-north-1\n')
      assert.equal(await regionWith({ AWS_REGION: 'eu-central-1' }), 'eu-central-1')
      const profile = { AWS_CONFIG_FILE: file, AWS_PROFILE: 'archivist' }
      assert.equal(await regionWith(profile), 'eu-north-1')
      assert.equal(await regionWith({}), null)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})
