import { readFile } from 'node:fs/promises'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'

const COMPONENTS = 'infra/kubernetes/components'

/** How an autoscaler turns parts to do into workers, whatever counts the parts. */
export interface ScalingRule {
  readonly minReplicas: number
  readonly maxReplicas: number
  /** Parts to do for each worker. */
  readonly target: number
  readonly scaleDown: {
    readonly stabilizationSeconds: number
    readonly podCount: number
    readonly periodSeconds: number
  }
}

const Behavior = z
  .object({
    scaleDown: z.object({
      stabilizationWindowSeconds: z.number(),
      policies: z.tuple([
        z.object({ type: z.literal('Pods'), value: z.number(), periodSeconds: z.number() }),
      ]),
    }),
  })
  .transform(({ scaleDown: { stabilizationWindowSeconds, policies } }) => ({
    stabilizationSeconds: stabilizationWindowSeconds,
    podCount: policies[0].value,
    periodSeconds: policies[0].periodSeconds,
  }))
const ScaledObject = z.object({
  kind: z.literal('ScaledObject'),
  spec: z.object({
    minReplicaCount: z.number(),
    maxReplicaCount: z.number(),
    advanced: z.object({
      scalingModifiers: z
        .object({
          formula: z.string(),
          target: z.coerce.number(),
          metricType: z.literal('AverageValue'),
        })
        .optional(),
      horizontalPodAutoscalerConfig: z.object({ behavior: Behavior }),
    }),
    triggers: z.array(
      z.object({
        type: z.string(),
        name: z.string().optional(),
        metricType: z.string().optional(),
        metadata: z.record(z.string(), z.string()),
      }),
    ),
  }),
})
const Hpa = z.object({
  spec: z.object({
    minReplicas: z.number(),
    maxReplicas: z.number(),
    behavior: Behavior,
    metrics: z.tuple([
      z.object({
        external: z.object({
          metric: z.object({ name: z.string() }),
          target: z.object({ type: z.literal('AverageValue'), averageValue: z.coerce.number() }),
        }),
      }),
    ]),
  }),
})
const AdapterValues = z.object({
  rules: z.object({
    external: z.array(z.object({ name: z.object({ as: z.string() }), metricsQuery: z.string() })),
  }),
})

async function readScaledObject(component: string) {
  const text = await readFile(`${COMPONENTS}/${component}/scaled-object.yaml`, 'utf8')
  const documents = parseAllDocuments(text).map((document): unknown => document.toJS())
  const found = documents.find((document) => ScaledObject.safeParse(document).success)
  return ScaledObject.parse(found ?? documents[0]).spec
}

function ruleOf(spec: z.output<typeof ScaledObject>['spec'], target: number): ScalingRule {
  return {
    minReplicas: spec.minReplicaCount,
    maxReplicas: spec.maxReplicaCount,
    target,
    scaleDown: spec.advanced.horizontalPodAutoscalerConfig.behavior,
  }
}

/** KEDA that asks Prometheus. */
export async function kedaPrometheus(): Promise<ScalingRule & { readonly query: string }> {
  const spec = await readScaledObject('keda-prometheus')
  const [{ metadata, metricType } = { metadata: {} }] = spec.triggers
  if (metricType !== 'AverageValue') throw new Error(`The metric type is ${metricType}`)
  const { query, threshold } = z
    .object({ query: z.string(), threshold: z.coerce.number() })
    .parse(metadata)
  return { ...ruleOf(spec, threshold), query }
}

/** KEDA that asks Redis: the names of keys whose lengths its formula adds up. */
export async function kedaRedis(): Promise<ScalingRule & { readonly keys: readonly string[] }> {
  const spec = await readScaledObject('keda-redis')
  const { scalingModifiers } = spec.advanced
  if (scalingModifiers === undefined) throw new Error('Without a formula KEDA takes the largest')
  const keyByName = new Map(spec.triggers.map(({ name, metadata }) => [name, metadata.listName]))
  const keys = scalingModifiers.formula.split(' + ').map((name) => {
    const key = keyByName.get(name)
    if (key === undefined) throw new Error(`The formula names "${name}", and no trigger does`)
    return key
  })
  return { ...ruleOf(spec, scalingModifiers.target), keys }
}

/** A plain HorizontalPodAutoscaler, with what the Prometheus adapter is told to ask for it. */
export async function plainHpa(): Promise<ScalingRule & { readonly query: string }> {
  const { spec } = Hpa.parse(parse(await readFile(`${COMPONENTS}/hpa/hpa.yaml`, 'utf8')))
  const values = await readFile(`${COMPONENTS}/hpa/adapter-values.yaml`, 'utf8')
  const { metric, target } = spec.metrics[0].external
  const { external } = AdapterValues.parse(parse(values)).rules
  const rule = external.find(({ name }) => name.as === metric.name)
  if (rule === undefined) throw new Error(`No rule of the adapter makes "${metric.name}"`)
  return {
    minReplicas: spec.minReplicas,
    maxReplicas: spec.maxReplicas,
    target: target.averageValue,
    scaleDown: spec.behavior,
    query: rule.metricsQuery,
  }
}
