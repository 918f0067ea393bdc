/** What a panel shows, in the few kinds that Firn's dashboards use. */
export interface Panel {
  readonly title: string
  readonly description: string
  readonly kind: 'stat' | 'timeseries' | 'table'
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

const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' }
const COLUMNS = 24
const HEIGHT = { stat: 4, timeseries: 8, table: 8 } as const

/** The dashboard as Grafana reads it from a file. */
export function dashboardToJson(dashboard: Dashboard): object {
  return {
    uid: dashboard.uid,
    title: dashboard.title,
    description: dashboard.description,
    tags: ['firn'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    links: [
      { type: 'dashboards', tags: ['firn'], title: 'Firn', asDropdown: false, keepTime: true },
    ],
    templating: { list: [dataSourceVariable, ...dashboard.variables.map(variableToJson)] },
    panels: placePanels(dashboard.rows),
  }
}

const dataSourceVariable = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
}

function variableToJson({ name, label, query }: Variable): object {
  return {
    name,
    label,
    type: 'query',
    datasource: DATA_SOURCE,
    query: { query, refId: 'variable' },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: 'All', value: '$__all' },
  }
}

/** Rows one below the other, each filled from the left. */
function placePanels(rows: readonly Row[]): object[] {
  const placed: object[] = []
  let y = 0
  for (const row of rows) {
    placed.push({
      id: placed.length + 1,
      type: 'row',
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
      panels: [],
    })
    y += 1
    let x = 0
    let height = 0
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) {
        y += height
        x = 0
        height = 0
      }
      const gridPos = { x, y, w: panel.width, h: HEIGHT[panel.kind] }
      placed.push({ id: placed.length + 1, gridPos, ...panelToJson(panel) })
      x += panel.width
      height = Math.max(height, HEIGHT[panel.kind])
    }
    y += height
  }
  return placed
}

function panelToJson(panel: Panel): object {
  const { kind, title, description, unit, thresholds } = panel
  const steps = [
    { color: 'green', value: null },
    ...(thresholds === undefined
      ? []
      : [
          { color: 'orange', value: thresholds.orange },
          { color: 'red', value: thresholds.red },
        ]),
  ]
  return {
    type: kind,
    title,
    description,
    datasource: DATA_SOURCE,
    targets: panel.queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATA_SOURCE,
      expr,
      legendFormat: legend,
      ...(kind === 'timeseries' ? {} : { instant: true, range: false }),
      ...(kind === 'table' ? { format: 'table' } : {}),
    })),
    fieldConfig: {
      defaults: {
        unit,
        ...(kind === 'timeseries' ? { min: 0 } : {}),
        thresholds: { mode: 'absolute', steps },
        ...(kind === 'timeseries' ? { custom: graphStyle(panel.isStacked === true) } : {}),
      },
      overrides: [],
    },
    options: optionsOf(kind),
  }
}

function graphStyle(isStacked: boolean): object {
  return {
    lineWidth: 1,
    fillOpacity: isStacked ? 40 : 10,
    showPoints: 'never',
    stacking: { mode: isStacked ? 'normal' : 'none' },
  }
}

function optionsOf(kind: Panel['kind']): object {
  switch (kind) {
    case 'stat':
      return { colorMode: 'value', graphMode: 'none', reduceOptions: { calcs: ['lastNotNull'] } }
    case 'timeseries':
      return {
        legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
        tooltip: { mode: 'multi', sort: 'desc' },
      }
    case 'table':
      return { showHeader: true }
  }
}
