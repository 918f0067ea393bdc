import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import {
  AUTOSCALERS,
  renderAlso,
  renderDemo,
  renderProduction,
  renderWithBucket,
  whyNoKubectl,
} from './kustomize.ts'
import { findUnknownKeys, Manifest, validateManifest } from './manifest-schemas.ts'

/** What kubectl is told besides, and what somebody else than Kubernetes reads. */
const NO_MANIFESTS = /(?:^|\/)(?:kustomization|adapter-values)\.yaml$/

async function sourceManifests(): Promise<readonly Manifest[]> {
  const files = await Array.fromAsync(glob('infra/{kubernetes,prometheus}/**/*.yaml'))
  const texts = files
    .filter((file) => !NO_MANIFESTS.test(file))
    .sort()
    .map((file) => readFile(file, 'utf8'))
  const documents = (await Promise.all(texts)).flatMap((text) => parseAllDocuments(text))
  return documents.map((document) => Manifest.parse(document.toJS()))
}

async function assertValid(manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    await validateManifest(manifest).catch((cause) => {
      throw new Error(`${manifest.kind} ${manifest.metadata.name} is not valid`, { cause })
    })
  }
  assert.equal(await findUnknownKeys(manifests), '')
}

/** The object with the value at the end of the path, whose last key may be new. */
function changed(object: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (Array.isArray(object)) {
    return object.map((item, index) => (index === key ? changed(item, rest, value) : item))
  }
  const fields = Object(object)
  assert.ok(rest.length === 0 || key in fields, `there is a key "${key}"`)
  return { ...fields, [key]: changed(fields[key], rest, value) }
}

/** One mistake of each kind: where it is, and what stands there. */
const WRONG_VALUES = [
  ['Deployment', ['spec', 'template', 'spec', 'containers', 0, 'ports', 0, 'containerPort'], 'x'],
  ['HorizontalPodAutoscaler', ['spec', 'maxReplicas'], 'many'],
  ['ScaledObject', ['spec', 'triggers', 0, 'metadata', 'threshold'], 8],
  ['ScaledObject', ['spec', 'advanced', 'scalingModifiers'], 'a + b'],
  ['TriggerAuthentication', ['spec', 'secretTargetRef', 0, 'key'], 1],
  ['PodMonitor', ['spec', 'podMetricsEndpoints', 0, 'interval'], 15],
  ['PodMonitor', ['spec', 'podMetricsEndpoints', 0, 'interval'], '15 seconds'],
  ['Probe', ['spec', 'targets', 'staticConfig', 'static'], 'firn.example.com:443'],
  ['PrometheusRule', ['spec', 'groups', 0, 'rules', 0, 'for'], '10 minutes'],
  ['NetworkPolicy', ['spec', 'policyTypes'], 'Ingress'],
] as const
const UNKNOWN_KEYS = [
  ['Deployment', ['spec', 'template', 'spec', 'containers', 0, 'livenesProbe']],
  ['HorizontalPodAutoscaler', ['spec', 'behavior', 'scaleDown', 'windowSeconds']],
  ['ScaledObject', ['spec', 'minReplicas']],
  ['ScaledObject', ['spec', 'triggers', 0, 'query']],
  ['TriggerAuthentication', ['spec', 'secretTargetRefs']],
  ['PodMonitor', ['spec', 'podMetricsEndpoints', 0, 'relabelConfigs']],
  ['Probe', ['spec', 'targets', 'staticConfigs']],
  ['PrometheusRule', ['spec', 'groups', 0, 'rules', 0, 'summary']],
  ['NetworkPolicy', ['spec', 'egresss']],
  ['PodDisruptionBudget', ['spec', 'maxUnavailables']],
] as const

describe('manifests', { timeout: 10 * 60_000 }, () => {
  it('are what the schemas of their kinds allow, each file by itself', async () => {
    const manifests = await sourceManifests()
    assert.ok(manifests.length > 25, `${manifests.length} manifests`)
    await assertValid(manifests)
  })

  it('would not pass with a value of another type or form', async () => {
    const manifests = await sourceManifests()
    for (const [kind, path, value] of WRONG_VALUES) {
      const good = manifests.find((manifest) => manifest.kind === kind)
      assert.ok(good, kind)
      const bad = Manifest.parse(changed(good, path, value))
      await assert.rejects(validateManifest(bad), { name: 'Error' }, `${kind} ${path.join('.')}`)
    }
  })

  it('would not pass with a key that no schema has', async () => {
    const manifests = await sourceManifests()
    const bad = UNKNOWN_KEYS.map(([kind, path]) => {
      const good = manifests.find((manifest) => manifest.kind === kind)
      return Manifest.parse(changed(good, path, {}))
    })
    const complaints = await findUnknownKeys(bad)
    for (const [kind, path] of UNKNOWN_KEYS) {
      assert.ok(
        complaints.includes(`'"${path.at(-1)}"' does not exist`),
        `${kind} ${path.join('.')}`,
      )
    }
  })

  const overlays = [
    { name: 'demo', manifests: renderDemo },
    ...AUTOSCALERS.map((name) => ({
      name: `production with ${name}`,
      manifests: () => renderProduction(name),
    })),
    { name: 'production with its journal in a bucket', manifests: renderWithBucket },
    { name: 'demo with keda-redis', manifests: () => renderAlso('demo', 'keda-redis') },
    { name: 'production with api-tokens', manifests: () => renderAlso('production', 'api-tokens') },
  ]
  for (const { name, manifests } of overlays) {
    it(`render ${name} into what the schemas allow`, { skip: whyNoKubectl }, async () => {
      const rendered = await manifests()
      assert.ok(rendered.length > 15)
      await assertValid(rendered)
    })
  }
})
