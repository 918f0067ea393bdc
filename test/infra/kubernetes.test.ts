import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { kedaPrometheus, kedaRedis, plainHpa } from './autoscalers.ts'
import {
  AUTOSCALERS,
  renderAlso,
  renderDemo,
  renderProduction,
  renderWithBucket,
  whyNoKubectl,
} from './kustomize.ts'
import type { Manifest } from './manifest-schemas.ts'

const FIRN = ['firn-api', 'firn-finalizer', 'firn-worker']
const Named = z.object({ name: z.string() })
const Probe = z.object({ periodSeconds: z.number() }).loose()
const Workload = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        serviceAccountName: z.string().optional(),
        automountServiceAccountToken: z.literal(false),
        enableServiceLinks: z.literal(false),
        terminationGracePeriodSeconds: z.number().default(30),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
        }),
        volumes: z.array(Named).default([]),
        topologySpreadConstraints: z.array(z.object({ topologyKey: z.string() })).default([]),
        containers: z.tuple([
          z.object({
            volumeMounts: z.array(Named).default([]),
            ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
            envFrom: z
              .array(
                z.object({
                  configMapRef: z.object({ name: z.string() }).optional(),
                  secretRef: z.object({ name: z.string() }).optional(),
                }),
              )
              .default([]),
            startupProbe: Probe,
            livenessProbe: Probe,
            readinessProbe: Probe,
            lifecycle: z
              .object({
                preStop: z.object({
                  exec: z.object({
                    command: z.tuple([z.literal('node'), z.literal('-e'), z.string()]),
                  }),
                }),
              })
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
        ]),
      }),
    }),
  }),
})

/** Every Deployment and StatefulSet, which must have probes, resources and no rights to be read. */
function workloadsOf(manifests: readonly Manifest[]) {
  return manifests
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
    .map((manifest) => {
      const { metadata, spec } = Workload.parse(manifest)
      const { labels } = spec.template.metadata
      return { name: metadata.name, labels, pod: spec.template.spec }
    })
}

const named = (manifests: readonly Manifest[], wanted: string): readonly string[] =>
  manifests.filter(({ kind }) => kind === wanted).map(({ metadata }) => metadata.name)

describe('infra/kubernetes', { skip: whyNoKubectl, timeout: 5 * 60_000 }, () => {
  it('gives every pod probes, resources, no rights, and longer than the drain to end', async () => {
    const all = [...(await renderDemo()), ...(await renderProduction('hpa'))]
    const workloads = workloadsOf(all)
    assert.deepEqual(
      [...new Set(workloads.map(({ name }) => name))].sort(),
      [...FIRN, 'firn-redis', 'firn-vault'].sort(),
    )
    for (const { name, pod } of workloads) {
      if (name === 'firn-redis') continue
      const [, , script = ''] = pod.containers[0].lifecycle?.preStop.exec.command ?? []
      const preStopMs = Number(/^setTimeout\(\(\) => \{\}, (\d+)\)$/.exec(script)?.[1] ?? 0)
      assert.equal(preStopMs > 0, name === 'firn-api')
      assert.ok(pod.terminationGracePeriodSeconds > preStopMs / 1000 + 25, name)
    }
  })

  it('spreads Firn over zones and machines, and protects it from being disrupted at once', async () => {
    const rendered = await renderProduction('hpa')
    for (const { name, pod } of workloadsOf(rendered)) {
      const keys = pod.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)
      assert.deepEqual(keys, ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'], name)
    }
    assert.deepEqual([...named(rendered, 'Deployment')].sort(), FIRN)
    assert.deepEqual([...named(rendered, 'PodDisruptionBudget')].sort(), FIRN)
  })

  it('configures Firn by a ConfigMap and secrets, and gives it a role of its own', async () => {
    const rendered = await renderProduction('hpa')
    for (const { name, pod } of workloadsOf(rendered)) {
      const sources = pod.containers[0].envFrom
      assert.ok(
        sources.some(({ configMapRef }) => configMapRef !== undefined),
        name,
      )
      assert.ok(
        sources.some(({ secretRef }) => secretRef?.name === 'firn-redis'),
        name,
      )
      assert.equal(pod.serviceAccountName, 'firn')
    }
    const account = rendered.find(({ kind }) => kind === 'ServiceAccount')
    assert.match(JSON.stringify(account?.metadata), /"eks.amazonaws.com\/role-arn":"arn:aws:iam:/)
  })

  it('denies all traffic but what is named, and lets Prometheus in wherever there are metrics', async () => {
    const rendered = await renderDemo()
    const policies = rendered.filter(({ kind }) => kind === 'NetworkPolicy')
    const policy = (name: string) =>
      JSON.stringify(policies.find((one) => one.metadata.name === name))
    assert.match(policy('firn-default-deny'), /"policyTypes":\["Ingress","Egress"\]/)
    const metrics = policy('firn-metrics')
    for (const { name, labels, pod } of workloadsOf(rendered)) {
      if (labels['app.kubernetes.io/part-of'] !== 'firn') continue
      for (const { containerPort } of pod.containers[0].ports) {
        assert.ok(metrics.includes(`"port":${containerPort}`), `${name}: ${containerPort}`)
      }
    }
  })

  it('monitors the ports that pods have, and ships the rules and the dashboards', async () => {
    const rendered = await renderProduction('hpa')
    const monitor = JSON.stringify(rendered.find(({ kind }) => kind === 'PodMonitor'))
    for (const { name, pod } of workloadsOf(rendered)) {
      for (const port of pod.containers[0].ports) {
        assert.ok(monitor.includes(`"port":"${port.name}"`), `${name}: ${port.name}`)
      }
    }
    assert.deepEqual(named(rendered, 'PrometheusRule'), ['firn'])
    const dashboards = rendered.find(({ metadata }) => metadata.name === 'firn-dashboards')
    const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(dashboards)
    const files = (await Array.fromAsync(glob('infra/grafana/dashboards/*.json'))).map(String)
    assert.deepEqual(Object.keys(data).sort(), files.map((file) => basename(file)).sort())
  })

  it('lets KEDA log in to the Redis of the demo', async () => {
    const rendered = await renderAlso('demo', 'keda-redis')
    const find = (kind: string) => rendered.find((manifest) => manifest.kind === kind)
    const Authentication = z.object({
      spec: z.object({ secretTargetRef: z.array(z.object({ name: z.string() })) }),
    })
    const { spec } = Authentication.parse(find('TriggerAuthentication'))
    const secrets = named(rendered, 'Secret')
    assert.ok(secrets.includes(spec.secretTargetRef[0]?.name ?? ''), secrets.join())
    const Scaled = z.object({
      spec: z.object({
        triggers: z.array(z.object({ metadata: z.object({ address: z.string() }) })),
      }),
    })
    const { triggers } = Scaled.parse(find('ScaledObject')).spec
    for (const { metadata } of triggers) {
      assert.equal(metadata.address, 'firn-redis.firn.svc.cluster.local:6379')
    }
    const policy = rendered.find(({ metadata }) => metadata.name === 'firn-redis-from-keda')
    assert.match(JSON.stringify(policy), /"kubernetes.io\/metadata.name":"keda"/)
  })

  it('gives the API a file of tokens instead of one token', async () => {
    const rendered = await renderAlso('production', 'api-tokens')
    const text = JSON.stringify(
      rendered.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'firn-api'),
    )
    assert.match(text, /"name":"API_TOKENS_FILE","value":"\/etc\/firn\/tokens"/)
    assert.match(text, /"mountPath":"\/etc\/firn","name":"tokens","readOnly":true/)
    assert.match(text, /"secretName":"firn-api-tokens"/)
    assert.doesNotMatch(text, /"secretRef":\{"name":"firn-api"\}/)
  })

  it('leaves no volume that pods share but the sources, when the journal is in a bucket', async () => {
    const rendered = await renderWithBucket()
    assert.deepEqual(named(rendered, 'PersistentVolumeClaim'), ['firn-sources'])
    for (const { name, pod } of workloadsOf(rendered)) {
      const names = ['sources', 'tmp']
      assert.deepEqual(
        pod.volumes.map((volume) => volume.name),
        names,
        name,
      )
      assert.deepEqual(
        pod.containers[0].volumeMounts.map((mount) => mount.name),
        names,
        name,
      )
    }
    const Config = z.object({ data: z.object({ JOURNAL_URL: z.string().startsWith('s3://') }) })
    const config = rendered.find(({ metadata }) => metadata.name.startsWith('firn-config'))
    assert.ok(Config.safeParse(config).success)
  })

  it('scales by as many parts as a worker has slots, each way within the same limits', async () => {
    const rendered = await renderProduction('keda-redis')
    const config = rendered.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith('firn-config'),
    )
    const slots = z.object({ data: z.object({ WORKER_CONCURRENCY: z.coerce.number() }) })
    const [prometheus, redis, hpa] = [await kedaPrometheus(), await kedaRedis(), await plainHpa()]
    for (const { target, minReplicas, maxReplicas, scaleDown } of [prometheus, redis, hpa]) {
      assert.equal(target, slots.parse(config).data.WORKER_CONCURRENCY)
      assert.deepEqual({ minReplicas, maxReplicas }, { minReplicas: 1, maxReplicas: 50 })
      assert.deepEqual(scaleDown, { stabilizationSeconds: 600, podCount: 2, periodSeconds: 120 })
    }
    for (const autoscaler of AUTOSCALERS) {
      const kind = autoscaler.startsWith('keda') ? 'ScaledObject' : 'HorizontalPodAutoscaler'
      assert.deepEqual(named(await renderProduction(autoscaler), kind), ['firn-worker'])
    }
  })

  it('names the keys under which BullMQ keeps the parts', async () => {
    const layout = await readFile('packages/queue/src/queue-layout.ts', 'utf8')
    const prefix = /QUEUE_PREFIX = '([^']+)'/.exec(layout)?.[1]
    const wanted = ['prioritized', 'wait', 'active'].map((set) => `${prefix}:parts:${set}`)
    assert.deepEqual((await kedaRedis()).keys, wanted)
    const rendered = await renderProduction('keda-redis-sentinel')
    const scaled = JSON.stringify(rendered.find(({ kind }) => kind === 'ScaledObject'))
    assert.equal(scaled.match(/"type":"redis-sentinel"/g)?.length, wanted.length)
    assert.ok(!scaled.includes('"address":'), 'only the Sentinels are asked')
  })
})
