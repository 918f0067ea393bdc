import { readFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import { renderDashboards } from '../grafana/render-dashboards.ts'

const RULES = 'infra/prometheus/rules/firn.yml'
const HEAD = `# Made of ${RULES} by "npm run generate".\n`

/** Every file that is made of others: text by its path from the root of the checkout. */
export async function renderFiles(root: URL): Promise<ReadonlyMap<string, string>> {
  const rules: unknown = parse(await readFile(new URL(RULES, root), 'utf8'))
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'firn' },
    spec: rules,
  }
  return new Map([
    ...[...renderDashboards()].map(
      ([name, text]) => [`infra/grafana/dashboards/${name}`, text] as const,
    ),
    ['infra/prometheus/prometheus-rule.yaml', HEAD + stringify(rule, { lineWidth: 0 })] as const,
  ])
}
