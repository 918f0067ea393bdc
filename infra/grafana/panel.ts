/** What a panel shows, in the few kinds that Firn's dashboards use. */
export interface Panel {
  readonly title: string
  readonly description: string
  readonly kind: 'stat' | 'timeseries'
  /** Grafana's name of a unit, such as `bytes`, `Bps`, `s`, `percentunit` or `short`. */
  readonly unit: string
  readonly queries: readonly Query[]
  /** Columns of 24. */
  readonly width: number
  /** From which value on it is orange and red; below the first it is green. */
  readonly thresholds?: { readonly orange: number; readonly red: number }
  readonly isStacked?: boolean
}

export interface Query {
  readonly expr: string
  /** Such as `{{outcome}}`. */
  readonly legend: string
  /** Shows examples on the graph: which job, which request. For quantiles of such a histogram. */
  readonly hasExamples?: boolean
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

export interface Variable {
  readonly name: string
  readonly label: string
  /** Whose values can be chosen, several at once. */
  readonly query: string
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly variables: readonly Variable[]
  readonly rows: readonly Row[]
}
