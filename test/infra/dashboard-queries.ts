import { glob, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'

export interface NamedQuery {
  readonly name: string
  readonly expr: string
}

export interface DashboardQueries {
  readonly title: string
  readonly panels: readonly NamedQuery[]
  /** What can be chosen, by the name of the variable. */
  readonly variables: readonly {
    readonly name: string
    readonly metric: string
    readonly label: string
  }[]
}

const Target = z.object({ refId: z.string(), expr: z.string() })
const Variable = z.discriminatedUnion('type', [
  z.object({ name: z.string(), type: z.literal('datasource') }),
  z.object({ name: z.string(), type: z.literal('query'), query: z.object({ query: z.string() }) }),
])
const Dashboard = z.object({
  title: z.string(),
  templating: z.object({ list: z.array(Variable) }),
  panels: z.array(
    z.object({ title: z.string(), type: z.string(), targets: z.array(Target).default([]) }),
  ),
})
const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
})

/** The queries of every dashboard, as they are in the files. */
export async function dashboardQueries(): Promise<readonly DashboardQueries[]> {
  const files = (await Array.fromAsync(glob('infra/grafana/dashboards/*.json'))).sort()
  return await Promise.all(files.map(readDashboard))
}

async function readDashboard(file: string): Promise<DashboardQueries> {
  const { title, panels, templating } = Dashboard.parse(JSON.parse(await readFile(file, 'utf8')))
  const variables = templating.list.flatMap((variable) => {
    if (variable.type === 'datasource') return []
    const [, metric, label] = /^label_values\((.+), (\w+)\)$/.exec(variable.query.query) ?? []
    if (metric === undefined || label === undefined) {
      throw new Error(`${basename(file)}: the variable ${variable.name} has another kind of query`)
    }
    return [{ name: variable.name, metric, label }]
  })
  const named = panels.flatMap((panel) =>
    panel.targets.map(({ refId, expr }) => ({
      name: `${title} / ${panel.title} / ${refId}`,
      expr,
    })),
  )
  return { title, panels: named, variables }
}

/** The query as Grafana would send it when these values are chosen, or "All" of the others. */
export function fillIn(expr: string, chosen: Readonly<Record<string, string>> = {}): string {
  const filled = expr.replaceAll('$__rate_interval', '30s')
  return filled.replaceAll(/\$(\w+)/g, (_, name: string) => chosen[name] ?? '.*')
}

export async function alertQueries(): Promise<readonly NamedQuery[]> {
  const { groups } = Rules.parse(parse(await readFile('infra/prometheus/rules/firn.yml', 'utf8')))
  return groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => ({ name: alert, expr })))
}

/** The series that a query selects: metrics with their matchers. */
export function selectorsIn(expr: string): readonly string[] {
  const found = expr.matchAll(
    /(?<![\w"])(?:(?:firn|nodejs|process|probe)_\w+(?:\{.*?\})?|up\{.*?\})/g,
  )
  return [...new Set([...found].map(([selector]) => selector))]
}
