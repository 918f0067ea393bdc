import { readFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import { renderDashboards } from '../grafana/render-dashboards.ts'

const RULES = 'infra/prometheus/rules/firn.yml'
const HEAD = `# Made of ${RULES} by "npm run generate".\n`
/** Where people who are woken by an alert can read the files of this checkout; ends in a slash. */
export const BASE_URL_FILE = 'infra/generate/base-url.txt'

/** Every file that is made of others: text by its path from the root of the checkout. */
export async function renderFiles(root: URL): Promise<ReadonlyMap<string, string>> {
  const baseUrl = parseBaseUrl(await readFile(new URL(BASE_URL_FILE, root), 'utf8'))
  const source = await readFile(new URL(RULES, root), 'utf8')
  // A notification is read far from this checkout, where a relative link would lead nowhere.
  const rules: unknown = parse(source.replaceAll(/(?<=runbook_url: )(?=docs\/)/g, () => baseUrl))
  const manifest = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    // The Helm chart kube-prometheus-stack looks only for what has a label "release".
    metadata: { name: 'firn' },
    spec: rules,
  }
  const yaml = (value: unknown): string => HEAD + stringify(value, { lineWidth: 0 })
  return new Map([
    ...[...renderDashboards()].map(
      ([name, text]) => [`infra/grafana/dashboards/${name}`, text] as const,
    ),
    ['infra/prometheus/firn.rules.yml', yaml(rules)] as const,
    ['infra/prometheus/prometheus-rule.yaml', yaml(manifest)] as const,
  ])
}

/** Throws when it is no address that a browser opens, or paths cannot be appended to it. */
export function parseBaseUrl(text: string): string {
  const url = URL.parse(text.trim())
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (url === null || !isWeb || !url.pathname.endsWith('/') || url.search + url.hash !== '') {
    const wanted = 'wanted is http:// or https:// and a path that ends in a slash'
    throw new Error(`The base URL is "${text.trim()}"; ${wanted}`)
  }
  return url.href
}
