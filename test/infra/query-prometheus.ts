import { z } from 'zod'

type Labels = Readonly<Record<string, string>>

/** One series at one moment. */
export interface Sample {
  readonly metric: Labels
  readonly value: number
}

/** One series over time; `values` are pairs of Unix seconds and value. */
export interface Series {
  readonly metric: Labels
  readonly values: readonly (readonly [atSeconds: number, value: number])[]
}

const Point = z
  .tuple([z.number(), z.string()])
  .transform(([at, value]) => [at, Number(value)] as const)
const Metric = z.record(z.string(), z.string())
const Instant = z.object({
  result: z.union([
    z.array(
      z
        .object({ metric: Metric, value: Point })
        .transform(({ metric, value: [, value] }) => ({ metric, value })),
    ),
    Point.transform(([, value]) => [{ metric: {}, value }]),
  ]),
})
const Range = z.object({ result: z.array(z.object({ metric: Metric, values: z.array(Point) })) })
const Exemplars = z.array(
  z.object({ exemplars: z.array(z.object({ labels: Metric, value: z.string() })) }),
)

const Rules = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ name: z.string(), health: z.string() })) })),
})

export interface PrometheusClient {
  /** The series that an instant query gives. */
  readonly query: (query: string) => Promise<readonly Sample[]>
  /** The series over the time, one value a second. */
  readonly range: (
    query: string,
    span: { readonly fromMs: number; readonly toMs: number },
  ) => Promise<readonly Series[]>
  /** What Grafana offers for `label_values(metric, label)`. */
  readonly labelValues: (label: string, metric: string) => Promise<readonly string[]>
  /** The labels of the examples that a histogram has had. */
  readonly exemplars: (metric: string) => Promise<readonly Labels[]>
  /** Names of the rules by their health: `ok`, `err`, or `unknown` before their first evaluation. */
  readonly ruleHealth: () => Promise<ReadonlyMap<string, string>>
}

/** Asks a Prometheus. Every method rejects, with Prometheus's words, when a query does not parse. */
export function createPrometheusClient(url: string): PrometheusClient {
  const ask = async (
    path: string,
    parameters: Readonly<Record<string, string>>,
  ): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`, {
      signal: AbortSignal.timeout(20_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Prometheus refuses ${JSON.stringify(parameters)}: ${text}`)
    return z.object({ status: z.literal('success'), data: z.unknown() }).parse(JSON.parse(text))
      .data
  }
  const all = { start: '0', end: String(Date.now() / 1000 + 86_400) }
  return {
    query: async (query) => Instant.parse(await ask('query', { query })).result,
    range: async (query, { fromMs, toMs }) => {
      const span = { start: String(fromMs / 1000), end: String(toMs / 1000), step: '1' }
      return Range.parse(await ask('query_range', { query, ...span })).result
    },
    labelValues: async (label, metric) =>
      z.array(z.string()).parse(await ask(`label/${label}/values`, { 'match[]': metric })),
    exemplars: async (query) =>
      Exemplars.parse(await ask('query_exemplars', { query, ...all })).flatMap(({ exemplars }) =>
        exemplars.map(({ labels }) => labels),
      ),
    ruleHealth: async () => {
      const { groups } = Rules.parse(await ask('rules', {}))
      return new Map(
        groups.flatMap(({ rules }) => rules.map(({ name, health }) => [name, health] as const)),
      )
    },
  }
}
