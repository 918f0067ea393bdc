import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { until } from '@firn/testing'
import { VAULT } from '../e2e/test-stack.ts'
import { alertQueries, dashboardQueries, fillIn, selectorsIn } from './dashboard-queries.ts'
import {
  keepArchiving,
  type MetricsScene,
  MIB,
  openMetricsScene,
  WAIT_MAX_MS,
  WORKERS,
} from './metrics-scene.ts'
import { type PanelResult, writePanelTable } from './panel-table.ts'
import { canRun } from './run-command.ts'
import { runbookQueries } from './runbook.ts'

const VAULTS = [VAULT, 'photos']
/** What alerts and the runbook look at and this run need not have, with the reason. */
const ABSENT_SERIES: Readonly<Record<string, string>> = {
  'probe_ssl_earliest_cert_expiry{job=~"firn.*"}': 'test/infra/certificate.test.ts has one',
  probe_ssl_earliest_cert_expiry: 'the same',
  firn_redis_certificate_expiry_timestamp_seconds: 'TLS; test/integration/redis-tls.test.ts has it',
  'firn_part_bytes_total{vault="(other)"}': 'fewer than 51 vaults',
  'firn_glacier_requests_total{outcome="GLACIER_CREDENTIALS"}': 'all keys are good',
  'firn_http_request_duration_seconds_count{route=~"/v1/.*", status=~"5.."}':
    'nothing fails in the API',
  'firn_unfinished_idle_seconds{state=~"queued|finalizing"}': 'no job stays there for 15 s',
  'firn_unfinished_bytes{state="held"}': 'test/integration/held-backlog.test.ts holds them',
  'firn_unfinished_age_seconds{state="reconciling"}': 'no answer to Complete is lost',
}
/** Whose labels cannot be seen here. */
const WITHOUT_SAMPLES = ['firn_redis_certificate_expiry_timestamp_seconds']
/** Some parts and some listings fail, so that panels of failures have something to show. */
const FAULTS = ['UploadMultipartPart', 'ListParts', 'ListMultipartUploads'].flatMap((operation) => [
  { operation, probability: 0.08, action: 'throttle' },
  { operation, probability: 0.08, action: 'error', code: 'ServiceUnavailableException' },
])

const skip = (await canRun('prometheus', '--version'))
  ? false
  : 'Prometheus is not here: install the package "prometheus"'

describe('dashboards and alerts over a real run', { skip, timeout: 12 * 60_000 }, () => {
  let scene: MetricsScene

  before(async () => {
    scene = await openMetricsScene()
    for (const vault of VAULTS) {
      await scene.test.api.createVault(vault, AbortSignal.timeout(WAIT_MAX_MS))
    }
    await scene.untilData(`count(up{job="firn-worker"} == 1) == ${WORKERS}`)
    await scene.untilData('firn_backlog_bytes', 'firn_orphan_uploads')
  })
  after(() => scene?.[Symbol.asyncDispose]())

  /** What all these queries give at one moment, and the names of those that give nothing. */
  async function allAtOnce(
    queries: readonly { readonly name: string; readonly expr: string }[],
  ): Promise<{ readonly results: readonly PanelResult[]; readonly missing: readonly string[] }> {
    const results = await Promise.all(
      queries.map(async ({ name, expr }) => ({ name, expr, samples: await scene.query(expr) })),
    )
    // A quantile of nothing is NaN, and a line of that is an empty graph.
    const isEmpty = ({ samples }: PanelResult) => samples.every(({ value }) => Number.isNaN(value))
    const missing = results.filter(isEmpty).map(({ name }) => name)
    return { results, missing }
  }

  it('has data for every query of every panel at one moment, of all vaults and of one', async () => {
    await scene.setFaults(FAULTS)
    const file = await scene.scratch.makeFile('many.bin', 64 * MIB)
    {
      await using _one = keepArchiving(scene, file, VAULTS[0] ?? '')
      await using _other = keepArchiving(scene, file, VAULTS[1] ?? '')
      await scene.untilData(...VAULTS.map((vault) => `firn_unfinished_bytes{vault="${vault}"}`))
      const dashboards = await dashboardQueries()
      for (const chosen of [{}, { vault: 'photos' }]) {
        const queries = dashboards.flatMap(({ panels }) =>
          panels.map(({ name, expr }) => ({ name, expr: fillIn(expr, chosen) })),
        )
        assert.ok(queries.length > 50, `${queries.length} queries`)
        let latest: Awaited<ReturnType<typeof allAtOnce>> = { results: [], missing: [] }
        const isComplete = async (): Promise<boolean> => {
          latest = await allAtOnce(queries)
          return latest.missing.length === 0
        }
        await until(isComplete, { timeoutMs: WAIT_MAX_MS, intervalMs: 500 }).catch((cause) => {
          throw new Error(`No data: ${latest.missing.join('; ')}`, { cause })
        })
        const { PANELS_FILE } = process.env
        if (PANELS_FILE !== undefined && !('vault' in chosen)) {
          const about = `${queries.length} queries at ${new Date().toISOString()}, ${WORKERS} workers, 2 finalizers`
          await writePanelTable(PANELS_FILE, about, latest.results)
        }
      }
    }
    await scene.setFaults([])
  })

  it('offers vaults on every dashboard, and whatever else can be chosen', async () => {
    for (const { title, variables } of await dashboardQueries()) {
      assert.ok(
        variables.some(({ name }) => name === 'vault'),
        title,
      )
      for (const { name, metric, label } of variables) {
        const values = await scene.prometheus.labelValues(label, metric)
        if (name === 'vault') assert.deepEqual([...values].sort(), [...VAULTS].sort())
        else assert.equal(values.length, WORKERS, `${title}: ${name}`)
      }
    }
  })

  it('keeps examples that name a job and a request', async () => {
    const jobs = await scene.prometheus.exemplars('firn_part_duration_seconds_bucket')
    assert.ok(jobs.some((labels) => /^[0-9a-f-]{36}$/.test(labels.job_id ?? '')))
    const requests = await scene.prometheus.exemplars('firn_http_request_duration_seconds_bucket')
    assert.ok(requests.some((labels) => /^[0-9a-f-]{36}$/.test(labels.request_id ?? '')))
  })

  it('can evaluate every alert and every query of the runbook, and knows all series in them', async () => {
    const alerts = (await alertQueries()).map(({ expr }) => expr)
    const queries = [...alerts, ...(await runbookQueries())].map((query) =>
      query.replaceAll('<vault>', 'photos'),
    )
    for (const query of queries) await scene.query(query)
    const selectors = new Set(queries.flatMap(selectorsIn))
    assert.ok(selectors.size > 40, `${selectors.size} selectors`)
    const unknown: string[] = []
    for (const selector of selectors) {
      if (selector in ABSENT_SERIES) continue
      const { length } = await scene.query(`last_over_time(${selector}[10m])`)
      if (length === 0) unknown.push(selector)
    }
    assert.deepEqual(unknown, [])
    const unused = Object.keys(ABSENT_SERIES).filter((selector) => !selectors.has(selector))
    assert.deepEqual(unused, [])
  })

  it('finds every metric that the processes have in docs/operations.md, and no other', async () => {
    const found = new Map<string, string>()
    for (const { url } of scene.test.stack.processes()) {
      if (url === null) continue
      const text = await (await fetch(`${url}/metrics`)).text()
      for (const [, name = ''] of text.matchAll(/^# TYPE (firn_\w+) /gm)) {
        found.set(name, labelsIn(text, name) ?? found.get(name) ?? '')
      }
    }
    const page = await readFile('docs/operations.md', 'utf8')
    const rows = page.matchAll(/^\| `(firn_\w+)` \| ([\w, ]*) \|/gm)
    const documented = new Map([...rows].map(([, name = '', labels = '']) => [name, labels]))
    assert.deepEqual([...documented.keys()].sort(), [...found.keys()].sort())
    for (const [name, labels] of found) {
      if (!WITHOUT_SAMPLES.includes(name)) assert.equal(documented.get(name)?.trim(), labels, name)
    }
  })
})

/** The labels of a metric's samples, sorted; `le` is that of every histogram. */
function labelsIn(text: string, metric: string): string | undefined {
  const samples = text.matchAll(new RegExp(`^${metric}(?:_bucket|_sum|_count)?(?:{(.*)})? `, 'gm'))
  const names = [...samples].flatMap(([, labels = '']) =>
    [...labels.matchAll(/(\w+)="/g)].map(([, name]) => name ?? ''),
  )
  const found = [...new Set(names)].filter((name) => name !== 'le')
  return found.length === 0 ? undefined : found.join(', ')
}
