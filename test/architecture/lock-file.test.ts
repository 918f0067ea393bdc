import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { z } from 'zod'

const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      optionalDependencies: z.record(z.string(), z.string()).optional(),
      hasInstallScript: z.boolean().optional(),
      devOptional: z.boolean().optional(),
      resolved: z.string().optional(),
    }),
  ),
})

const Manifest = z.object({ allowScripts: z.record(z.string(), z.boolean()) })

async function readLockedPackages() {
  return LockFile.parse(JSON.parse(await readFile('package-lock.json', 'utf8'))).packages
}

/** `node_modules/a/node_modules/@b/c` is `@b/c`. */
const nameOf = (path: string): string => path.replace(/^.*node_modules\//, '')

describe('package-lock.json', () => {
  // npm leaves out what its registry did not show when the file was written, and then `npm ci`
  // refuses the file wherever that package counts.
  it('lists optional packages of all systems, not of the one it was written on alone', async () => {
    const packages = await readLockedPackages()
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) =>
          !(`${path}/node_modules/${name}` in packages || `node_modules/${name}` in packages),
      ),
    )
    assert.deepEqual(missing, [])
  })

  it('names no registry: each machine uses its own', async () => {
    const resolved = Object.values(await readLockedPackages()).map((entry) => entry.resolved ?? '')
    assert.deepEqual(
      resolved.filter((url) => url.includes('://')),
      [],
    )
  })

  it('brings no install script that nobody has decided about', async () => {
    const { allowScripts } = Manifest.parse(JSON.parse(await readFile('package.json', 'utf8')))
    const packages = Object.entries(await readLockedPackages())
    const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript)
    const undecided = scripts
      .map(([path]) => nameOf(path))
      .filter((name) => !(name in allowScripts))
    assert.deepEqual(undecided, [])
  })

  // A package that a production dependency only may use stays with `npm ci --omit=dev` when a test
  // uses it, too.
  it('brings nothing into the image that only tests use', async () => {
    const dockerfile = await readFile('infra/docker/Dockerfile', 'utf8')
    const packages = Object.entries(await readLockedPackages())
    const kept = packages.filter(([, { devOptional }]) => devOptional).map(([path]) => path)
    assert.deepEqual(
      kept.filter((path) => !dockerfile.includes(` ${path} `)),
      [],
    )
  })
})
