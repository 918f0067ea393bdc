import type { Panel, Query } from './panel.ts'

/** One number. */
export function stat(
  title: string,
  unit: string,
  expr: string,
  more: Pick<Panel, 'description' | 'thresholds'>,
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

/** The median and the slow end of a histogram. `by` names the labels to tell apart. */
export function quantiles(metric: string, by: string, legend: string): readonly Query[] {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (le, ${by}) (rate(${metric}_bucket[$__rate_interval])))`,
    legend: `p${quantile * 100} ${legend}`,
  }))
}
