import type { Panel, Query, Variable } from './panel.ts'

/** One number; six fill the width of the page unless told otherwise. */
export function stat(
  title: string,
  unit: string,
  expr: string,
  more: Pick<Panel, 'description' | 'thresholds'> & Partial<Pick<Panel, 'width'>>,
): Panel {
  return { title, kind: 'stat', unit, queries: [{ expr, legend: '' }], width: 4, ...more }
}

/** Lines over time, half as wide as the page. */
export function graph(
  title: string,
  unit: string,
  queries: readonly Query[],
  more: Pick<Panel, 'description'> & Partial<Pick<Panel, 'isStacked' | 'width'>>,
): Panel {
  return { title, kind: 'timeseries', unit, queries, width: 12, ...more }
}

/** The median and the slow end of a histogram, by label. */
export function quantiles(
  metric: string,
  by: string,
  more: Partial<Pick<Query, 'hasExamples'>> = {},
): readonly Query[] {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le, ${by}) (rate(${metric}_bucket[$__rate_interval])))`,
    legend: `p${quantile * 100} {{${by}}}`,
    ...more,
  }))
}

/**
 * On every dashboard. Its values are those of the last hour or whatever is looked at, so a vault
 * that has been silent for longer is chosen by widening the range.
 */
export const vaultVariable: Variable = {
  name: 'vault',
  label: 'Vault',
  query: 'label_values(firn_jobs_ended_total, vault)',
}

/** The chosen vaults. "All" matches the empty label, too: what concerns no single vault. */
export const OF_VAULT = 'vault=~"$vault"'

/**
 * How much counters rose within the range, those included that began in it: where every process
 * has its own, and counts rarely, a series begins with what it first counted.
 */
export function increaseOf(counter: string, range: string): string {
  return `(${counter} unless ${counter} offset ${range}) or increase(${counter}[${range}])`
}

/**
 * A sum over the chosen vaults of what every finalizer tells of all of Firn: the `max` of them by
 * vault, then the sum; 0 when finalizers know of nothing there, and nothing when there is none.
 */
export function sumOfVaults(metric: string, where: string): string {
  return `sum(max by (vault, state) (${metric}{${OF_VAULT}, ${where}})) or on() 0 * max(firn_backlog_bytes)`
}
