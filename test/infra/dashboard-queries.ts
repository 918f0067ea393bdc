import { glob, readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { z } from 'zod'

export interface NamedQuery {
  readonly name: string
  readonly expr: string
}

const Dashboard = z.object({
  title: z.string(),
  templating: z.object({
    list: z.array(z.object({ name: z.string(), type: z.string(), query: z.unknown() })),
  }),
  panels: z.array(
    z.object({
      title: z.string(),
      type: z.string(),
      targets: z.array(z.object({ refId: z.string(), expr: z.string() })).default([]),
    }),
  ),
})
const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
})

/** Every query of every panel, with Grafana's variables filled in as Grafana would. */
export async function panelQueries(): Promise<readonly NamedQuery[]> {
  const found: NamedQuery[] = []
  for await (const file of glob('infra/grafana/dashboards/*.json')) {
    const { title, panels } = Dashboard.parse(JSON.parse(await readFile(file, 'utf8')))
    for (const panel of panels) {
      for (const { refId, expr } of panel.targets) {
        const name = `${title} / ${panel.title} / ${refId}`
        found.push({
          name,
          expr: expr.replaceAll('$__rate_interval', '30s').replaceAll('$instance', '.*'),
        })
      }
    }
  }
  return found
}

export async function alertQueries(): Promise<readonly NamedQuery[]> {
  const { groups } = Rules.parse(parse(await readFile('infra/prometheus/rules/firn.yml', 'utf8')))
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ name: alert, expr })))
}

/** The query by which KEDA asks Prometheus for the number of workers. */
export async function scalingQuery(): Promise<string> {
  const file = 'infra/kubernetes/components/keda-prometheus/scaled-object.yaml'
  const Trigger = z.object({ metadata: z.object({ query: z.string() }) })
  const ScaledObject = z.object({ spec: z.object({ triggers: z.tuple([Trigger]) }) })
  const { spec } = ScaledObject.parse(parse(await readFile(file, 'utf8')))
  return spec.triggers[0].metadata.query
}

/** The metrics that a query names. */
export function metricsIn(expr: string): readonly string[] {
  const names = expr.matchAll(/(?<![\w"])(?:firn|nodejs|process|probe)_\w+|(?<![\w"])up(?=\{)/g)
  return [...new Set([...names].map(([name]) => name))]
}
