import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { runCommand } from './run-command.ts'

/** What every manifest has. */
export const Manifest = z
  .object({
    apiVersion: z.string(),
    kind: z.string(),
    metadata: z.object({ name: z.string() }).loose(),
  })
  .loose()

export type Manifest = z.output<typeof Manifest>

/** Where the schemas of a group come from; the groups of Kubernetes itself are in one package. */
const PACKAGES: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
}
const TSC_MAX_MS = 120_000

const Model = z.record(
  z.string(),
  z.custom<new (manifest: Manifest) => { readonly validate: () => void }>(),
)

function moduleOf({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.split('/')[0] ?? ''
  return `${PACKAGES[group] ?? 'kubernetes-models'}/${apiVersion}/${kind}`
}

/** Checks values against the JSON schema of the kind: types, required keys, formats, enumerations. */
export async function validateManifest(manifest: Manifest): Promise<void> {
  const models = Model.parse(await import(moduleOf(manifest)))
  const Kind = models[manifest.kind]
  if (Kind === undefined) throw new Error(`There is no schema of ${manifest.kind}`)
  new Kind(manifest).validate()
}

/**
 * Checks that no key is unknown, which the schemas let pass: the compiler does, when it compares
 * object literals with the types that are made from the same schemas. Resolves to its complaints.
 */
export async function findUnknownKeys(manifests: readonly Manifest[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'firn-manifests-'))
  try {
    await symlink(resolve('node_modules'), join(directory, 'node_modules'))
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
    const lines = manifests.flatMap((manifest, index) => [
      `import type { I${manifest.kind} as I${index} } from '${moduleOf(manifest)}'`,
      `export const ${manifest.kind}_${index}: I${index} = ${JSON.stringify(manifest)}`,
    ])
    const file = join(directory, 'manifests.ts')
    await writeFile(file, lines.join('\n'))
    const options = [
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
    ]
    await runCommand([resolve('node_modules/.bin/tsc'), ...options, '--target', 'esnext', file], {
      timeoutMs: TSC_MAX_MS,
    })
    return ''
  } catch (error) {
    const failure = z.object({ stdout: z.string() }).parse(error)
    return failure.stdout === '' ? String(error) : failure.stdout
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
