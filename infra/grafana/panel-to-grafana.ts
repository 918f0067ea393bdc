import {
  BigValueColorMode,
  BigValueGraphMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { Panel, Query } from './panel.ts'

/** Chosen on the dashboard: a Grafana may have several. */
export const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' }

/** A panel without its place. */
export function panelToGrafana(panel: Panel): StatBuilder | TimeseriesBuilder {
  const builder = panel.kind === 'stat' ? statToGrafana() : graphToGrafana(panel)
  builder
    .title(panel.title)
    .description(panel.description)
    .datasource(DATA_SOURCE)
    .unit(panel.unit)
    .thresholds(thresholdsToGrafana(panel.thresholds))
  for (const [index, query] of panel.queries.entries()) {
    builder.withTarget(queryToGrafana(query, index, panel.kind === 'stat'))
  }
  return builder
}

function statToGrafana(): StatBuilder {
  return new StatBuilder()
    .colorMode(BigValueColorMode.Value)
    .graphMode(BigValueGraphMode.None)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
}

function graphToGrafana({ isStacked }: Panel): TimeseriesBuilder {
  return new TimeseriesBuilder()
    .min(0)
    .lineWidth(1)
    .fillOpacity(isStacked === true ? 40 : 10)
    .showPoints(VisibilityMode.Never)
    .stacking(
      new StackingConfigBuilder().mode(
        isStacked === true ? StackingMode.Normal : StackingMode.None,
      ),
    )
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(['lastNotNull', 'max']),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    )
}

function thresholdsToGrafana(thresholds: Panel['thresholds']): ThresholdsConfigBuilder {
  const steps = [{ color: 'green', value: null }]
  const more =
    thresholds === undefined
      ? []
      : [
          { color: 'orange', value: thresholds.orange },
          { color: 'red', value: thresholds.red },
        ]
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([...steps, ...more])
}

function queryToGrafana(query: Query, index: number, isInstant: boolean): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(String.fromCharCode(65 + index))
    .datasource(DATA_SOURCE)
    .expr(query.expr)
    .legendFormat(query.legend)
  if (query.hasExamples === true) builder.exemplar(true)
  return isInstant ? builder.instant() : builder.range()
}
