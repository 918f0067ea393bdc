import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { findUnknownKeys, Manifest, validateManifest } from './manifest-schemas.ts'
import { canRun, runCommand } from './run-command.ts'

const AUTOSCALERS = ['keda-prometheus', 'keda-redis', 'hpa', 'hpa-cpu']
const skip = (await canRun('kubectl', 'version', '--client'))
  ? false
  : 'kubectl is not here: install it to render the overlays'

const Named = z.object({ name: z.string() })

const Pods = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        enableServiceLinks: z.boolean(),
        terminationGracePeriodSeconds: z.number().default(30),
        securityContext: z.object({ runAsNonRoot: z.boolean() }),
        volumes: z.array(Named),
        containers: z.array(
          z.object({
            name: z.string(),
            args: z.array(z.string()),
            volumeMounts: z.array(Named),
            lifecycle: z
              .object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) })
              .optional(),
            securityContext: z.object({
              allowPrivilegeEscalation: z.literal(false),
              readOnlyRootFilesystem: z.literal(true),
              capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
            }),
            resources: z.object({
              requests: z.object({ cpu: z.string(), memory: z.string() }),
              limits: z.object({ memory: z.string() }),
            }),
          }),
        ),
      }),
    }),
  }),
})

async function render(directory: string): Promise<readonly Manifest[]> {
  const text = await runCommand(['kubectl', 'kustomize', directory], { timeoutMs: 60_000 })
  return parseAllDocuments(text).map((document) => Manifest.parse(document.toJS()))
}

/** The production overlay with another autoscaler, as its comment tells how to. */
function renderWith(autoscaler: string): Promise<readonly Manifest[]> {
  return renderChanged((text) => {
    const changed = text.replace('components/keda-prometheus\n', `components/${autoscaler}\n`)
    assert.ok(autoscaler === 'keda-prometheus' || changed !== text)
    return changed
  })
}

/** The production overlay with the journal in a bucket, as its comments tell how to. */
function renderWithBucket(): Promise<readonly Manifest[]> {
  return renderChanged((text) => {
    const changed = text
      .replace('  # - ../../components/s3-journal\n', '  - ../../components/s3-journal\n')
      .replace('      # - JOURNAL_URL=s3:', '      - JOURNAL_URL=s3:')
    assert.equal(text.length - changed.length, 4)
    return changed
  })
}

async function renderChanged(
  change: (kustomization: string) => string,
): Promise<readonly Manifest[]> {
  const copy = await mkdtemp(join(tmpdir(), 'firn-kustomize-'))
  try {
    for (const part of ['kubernetes', 'prometheus', 'grafana']) {
      await cp(join('infra', part), join(copy, part), { recursive: true })
    }
    const overlay = join(copy, 'kubernetes/overlays/production')
    const file = join(overlay, 'kustomization.yaml')
    await writeFile(file, change(await readFile(file, 'utf8')))
    return await render(overlay)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}

const overlays = [
  { name: 'demo', manifests: () => render('infra/kubernetes/overlays/demo') },
  ...AUTOSCALERS.map((name) => ({
    name: `production with ${name}`,
    manifests: () => renderWith(name),
  })),
  { name: 'production with its journal in a bucket', manifests: renderWithBucket },
]

describe('infra/kubernetes', { skip, timeout: 5 * 60_000 }, () => {
  for (const { name, manifests } of overlays) {
    it(`renders ${name} into what the schemas of its kinds allow`, async () => {
      const rendered = await manifests()
      assert.ok(rendered.length > 15)
      for (const manifest of rendered) {
        await validateManifest(manifest).catch((cause) => {
          throw new Error(`${manifest.kind} ${manifest.metadata.name} is not valid`, { cause })
        })
      }
      assert.equal(await findUnknownKeys(rendered), '')
    })
  }

  it('finds values and keys that no schema allows', async () => {
    const good = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
    await validateManifest(good)
    await assert.rejects(validateManifest({ ...good, data: { a: 1 } }), /must be string/)
    assert.match(await findUnknownKeys([{ ...good, dota: {} }]), /dota/)
  })

  it('gives every pod longer than the drain to end, and no rights', async () => {
    const workloads = (await renderWith('hpa')).filter(({ kind }) => kind === 'Deployment')
    assert.equal(workloads.length, 3)
    for (const workload of workloads) {
      const { spec } = Pods.parse(workload).spec.template
      assert.equal(spec.securityContext.runAsNonRoot, true)
      assert.equal(spec.enableServiceLinks, false)
      const preStop = spec.containers[0]?.lifecycle?.preStop.sleep.seconds ?? 0
      assert.ok(spec.terminationGracePeriodSeconds > preStop + 25, workload.metadata.name)
    }
  })

  it('leaves no volume that pods share but the sources, when the journal is in a bucket', async () => {
    const rendered = await renderWithBucket()
    const claims = rendered.filter(({ kind }) => kind === 'PersistentVolumeClaim')
    assert.deepEqual(
      claims.map(({ metadata }) => metadata.name),
      ['firn-sources'],
    )
    const workloads = rendered.filter(({ kind }) => kind === 'Deployment')
    assert.equal(workloads.length, 3)
    for (const workload of workloads) {
      const { spec } = Pods.parse(workload).spec.template
      const names = ['sources', 'tmp']
      assert.deepEqual(
        spec.volumes.map(({ name }) => name),
        names,
      )
      const mounts = spec.containers[0]?.volumeMounts.map(({ name }) => name)
      assert.deepEqual(mounts, names)
    }
    const Config = z.object({ data: z.object({ JOURNAL_URL: z.string().startsWith('s3://') }) })
    const config = rendered.find(({ metadata }) => metadata.name.startsWith('firn-config'))
    assert.ok(Config.safeParse(config).success)
  })

  it('protects every workload from being disrupted at once', async () => {
    const rendered = await renderWith('hpa')
    const named = (kind: string) =>
      rendered.filter((manifest) => manifest.kind === kind).map(({ metadata }) => metadata.name)
    assert.deepEqual(named('PodDisruptionBudget').sort(), named('Deployment').sort())
  })

  it('scales by as many parts as a worker has slots', async () => {
    const rendered = await renderWith('keda-redis')
    const config = rendered.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith('firn-config'),
    )
    const slots = z.object({ data: z.object({ WORKER_CONCURRENCY: z.string() }) }).parse(config)
    for (const autoscaler of AUTOSCALERS.slice(0, 3)) {
      const text = await readFile(autoscalerFile(autoscaler), 'utf8')
      const targets = [...text.matchAll(/(?:threshold|target|averageValue|listLength): ["'](\d+)/g)]
      assert.ok(targets.length > 0, autoscaler)
      for (const [, target] of targets) assert.equal(target, slots.data.WORKER_CONCURRENCY)
    }
  })

  it('names the keys under which BullMQ keeps the parts', async () => {
    const [, scaledObject] = parseAllDocuments(await readFile(autoscalerFile('keda-redis'), 'utf8'))
    const Triggers = z.object({
      spec: z.object({
        triggers: z.array(z.object({ metadata: z.object({ listName: z.string() }) })),
      }),
    })
    const { spec } = Triggers.parse(scaledObject?.toJS())
    const layout = await readFile('packages/queue/src/queue-layout.ts', 'utf8')
    const prefix = /QUEUE_PREFIX = '([^']+)'/.exec(layout)?.[1]
    assert.deepEqual(
      spec.triggers.map(({ metadata }) => metadata.listName),
      ['prioritized', 'wait', 'active'].map((set) => `${prefix}:parts:${set}`),
    )
  })
})

function autoscalerFile(name: string): string {
  const file = name.startsWith('keda') ? 'scaled-object.yaml' : 'hpa.yaml'
  return join('infra/kubernetes/components', name, file)
}
