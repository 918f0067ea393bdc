import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { z } from 'zod'

const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({ optionalDependencies: z.record(z.string(), z.string()).optional() }),
  ),
})

describe('package-lock.json', () => {
  // npm leaves out what its registry did not show when the file was written, and then `npm ci`
  // refuses the file wherever that package counts.
  it('lists optional packages of all systems, not of the one it was written on alone', async () => {
    const { packages } = LockFile.parse(JSON.parse(await readFile('package-lock.json', 'utf8')))
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
      ),
    )
    assert.deepEqual(missing, [])
  })
})
