import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { until } from '@firn/testing'
import {
  openScratch,
  openTestStack,
  type Scratch,
  submit,
  type TestStack,
  untilArchived,
} from '../e2e/test-stack.ts'
import { alertQueries, metricsIn, panelQueries, scalingQuery } from './dashboard-queries.ts'
import { queryPrometheus } from './query-prometheus.ts'
import { canRun } from './run-command.ts'
import { startPrometheus } from './start-prometheus.ts'

const MIB = 1024 ** 2
const WAIT_MAX_MS = 120_000
/** Empty as long as all is well. */
const EMPTY_PANELS = ['Firn: Glacier / Requests that did not succeed / A']
/** Of what stands before Firn, not of Firn. */
const FOREIGN_METRICS = ['probe_ssl_earliest_cert_expiry']

const skip = (await canRun('prometheus', '--version'))
  ? false
  : 'Prometheus is not here: install the package "prometheus"'

describe('dashboards and alerts over a real run', { skip, timeout: 10 * 60_000 }, () => {
  let scratch: Scratch
  let test: TestStack
  let prometheus: Awaited<ReturnType<typeof startPrometheus>>

  before(async () => {
    scratch = await openScratch()
    test = await openTestStack(scratch, { workerCount: 3 })
    const targets: Record<string, string[]> = {}
    for (const { kind, url } of test.stack.processes()) {
      if (url === null) continue
      const job = `firn-${kind}`
      targets[job] = [...(targets[job] ?? []), new URL(url).host]
    }
    prometheus = await startPrometheus({ directory: join(scratch.path, 'prometheus'), targets })
    await untilEvery(['up{job="firn-worker"} == 1', 'firn_upload_idle_seconds'])
  })

  after(async () => {
    await prometheus?.[Symbol.asyncDispose]()
    await test?.[Symbol.asyncDispose]()
    await scratch?.[Symbol.asyncDispose]()
  })

  const query = (expr: string) => queryPrometheus(prometheus.url, expr)

  async function untilEvery(exprs: readonly string[]): Promise<void> {
    for (const expr of exprs) {
      await until(async () => (await query(expr)).length > 0, { timeoutMs: WAIT_MAX_MS })
    }
  }

  it('sees every worker once', async () => {
    assert.equal((await query('firn_worker_slots{state="idle"}')).length, 3)
  })

  it('has data for every query of every panel', async () => {
    const file = await scratch.makeFile('many.bin', 64 * MIB)
    let isDone = false
    // One archive after the other, so that there are rates to see for as long as it takes.
    const work = (async () => {
      while (!isDone) {
        const { id } = await submit(test, file, { partSize: MIB })
        await untilArchived(test, id)
      }
    })()
    try {
      for (const { name, expr } of await panelQueries()) {
        if (EMPTY_PANELS.includes(name)) {
          await query(expr)
          continue
        }
        const isThere = async () => (await query(expr)).length > 0
        await until(isThere, { timeoutMs: WAIT_MAX_MS, intervalMs: 200 }).catch((cause) => {
          throw new Error(`No data for "${name}": ${expr}`, { cause })
        })
      }
    } finally {
      isDone = true
      await work
    }
  })

  it('tells an autoscaler of the parts that are left, up and down', async () => {
    const demand = await scalingQuery()
    const file = await scratch.makeFile('few.bin', 128 * MIB)
    const { id } = await submit(test, file, { partSize: MIB })
    await untilEvery([`(${demand}) > 8`])
    await untilArchived(test, id)
    await untilEvery([`(${demand}) == 0`])
  })

  it('knows every metric that an alert looks at', async () => {
    const names = new Set((await alertQueries()).flatMap(({ expr }) => metricsIn(expr)))
    assert.ok(names.size > 15, 'the names are found')
    for (const name of names) {
      if (FOREIGN_METRICS.includes(name)) continue
      assert.notEqual((await query(name)).length, 0, name)
    }
  })

  it('finds every metric that the processes have in docs/operations.md, and no other', async () => {
    const found = new Set<string>()
    for (const { url } of test.stack.processes()) {
      if (url === null) continue
      const text = await (await fetch(`${url}/metrics`)).text()
      for (const [, name] of text.matchAll(/^# TYPE (firn_\w+) /gm)) found.add(name ?? '')
    }
    const page = await readFile('docs/operations.md', 'utf8')
    const rows = page.matchAll(/^\| `(firn_\w+)` \|/gm)
    assert.deepEqual([...rows].map(([, name]) => name).sort(), [...found].sort())
  })

  it('can evaluate every alert', async () => {
    for (const { expr } of await alertQueries()) await query(expr)
  })
})
