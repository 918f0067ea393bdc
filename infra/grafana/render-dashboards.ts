import { dashboardToGrafana } from './dashboard-to-grafana.ts'
import { glacier } from './glacier.ts'
import { overview } from './overview.ts'
import { redis } from './redis.ts'
import { workers } from './workers.ts'

/** The dashboards: text by the name of its file in `dashboards/`. */
export function renderDashboards(): ReadonlyMap<string, string> {
  const dashboards = { overview, workers, glacier, redis }
  return new Map(
    Object.entries(dashboards).map(([name, dashboard]) => [
      `${name}.json`,
      `${JSON.stringify(dashboardToGrafana(dashboard), null, 2)}\n`,
    ]),
  )
}
