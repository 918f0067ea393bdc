import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  type Dashboard as GrafanaDashboard,
  type GridPos,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Dashboard, Panel, Row, Variable } from './panel.ts'
import { DATA_SOURCE, panelToGrafana } from './panel-to-grafana.ts'

const COLUMNS = 24
const HEIGHTS = { stat: 4, timeseries: 8 } as const

/** The dashboard as Grafana's own schema has it. */
export function dashboardToGrafana(dashboard: Dashboard): GrafanaDashboard {
  const builder = new DashboardBuilder(dashboard.title)
    .uid(dashboard.uid)
    .description(dashboard.description)
    .tags(['firn'])
    .tooltip(DashboardCursorSync.Crosshair)
    .refresh('10s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .link(
      new DashboardLinkBuilder('Firn')
        .type(DashboardLinkType.Dashboards)
        .tags(['firn'])
        .keepTime(true)
        .includeVars(true),
    )
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    )
  for (const variable of dashboard.variables) builder.withVariable(variableToGrafana(variable))
  for (const { item, gridPos, id } of place(dashboard.rows)) {
    if ('kind' in item) builder.withPanel(panelToGrafana(item).id(id).gridPos(gridPos))
    else builder.withRow(new RowBuilder(item.title).id(id).gridPos(gridPos))
  }
  const { links = [], ...built } = builder.build()
  // The builder would have the links hidden in a menu, and knows no way to say otherwise.
  return { ...built, links: links.map(({ placement: _, ...link }) => link) }
}

function variableToGrafana({ name, label, query }: Variable): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ query, refId: 'variable' })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] })
}

interface Placed {
  readonly item: Row | Panel
  readonly gridPos: GridPos
  /** Unique in its dashboard, and what links to a panel name it by. */
  readonly id: number
}

/** Rows one below the other, each filled from the left. */
function place(rows: readonly Row[]): readonly Placed[] {
  const placed: Placed[] = []
  const put = (item: Row | Panel, gridPos: GridPos): void => {
    placed.push({ item, gridPos, id: placed.length + 1 })
  }
  let y = 0
  for (const row of rows) {
    put(row, { x: 0, y, w: COLUMNS, h: 1 })
    y += 1
    let x = 0
    let height = 0
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) {
        y += height
        x = 0
        height = 0
      }
      put(panel, { x, y, w: panel.width, h: HEIGHTS[panel.kind] })
      x += panel.width
      height = Math.max(height, HEIGHTS[panel.kind])
    }
    y += height
  }
  return placed
}
