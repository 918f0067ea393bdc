import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { JobListView, type JobView } from '@firn/contracts'
import { until } from '@firn/testing'
import { submit, untilArchived, untilJob, VAULT } from '../e2e/test-stack.ts'
import {
  keepArchiving,
  type MetricsScene,
  MIB,
  openMetricsScene,
  SLOTS,
  single,
  WAIT_MAX_MS,
  WORKERS,
} from './metrics-scene.ts'
import { canRun } from './run-command.ts'

const BYTES = 'firn_part_bytes_total'
const FILE_BYTES = 48 * MIB
const skip = (await canRun('prometheus', '--version'))
  ? false
  : 'Prometheus is not here: install the package "prometheus"'

describe('metrics while processes come and go', { skip, timeout: 12 * 60_000 }, () => {
  let scene: MetricsScene
  let file: string

  before(async () => {
    scene = await openMetricsScene()
    file = await scene.scratch.makeFile('some.bin', FILE_BYTES)
    await scene.untilData(`count(up{job="firn-worker"} == 1) == ${WORKERS}`)
    await scene.untilData('count(firn_backlog_bytes) == 1', 'count(firn_redis_up) == 2')
  })
  after(() => scene?.[Symbol.asyncDispose]())

  const ask = async (expr: string): Promise<number | undefined> => single(await scene.query(expr))

  async function untilValue(expr: string, wanted: number): Promise<void> {
    let found: number | undefined
    const isThere = async (): Promise<boolean> => {
      found = await ask(expr)
      return found === wanted
    }
    await until(isThere, { timeoutMs: WAIT_MAX_MS, intervalMs: 200 }).catch((cause) => {
      throw new Error(`${expr} is ${found}, not ${wanted}`, { cause })
    })
  }

  /** Every value that the query had in the meantime. */
  async function history(expr: string, fromMs: number): Promise<readonly number[]> {
    const series = await scene.prometheus.range(expr, { fromMs, toMs: Date.now() })
    return series.flatMap(({ values }) => values.map(([, value]) => value))
  }

  it('adds up to what was uploaded while workers die and others come', async (t) => {
    // What a vault's counters begin with is in no rate: all workers have seen this one.
    await untilArchived(scene.test, (await submit(scene.test, file, { partSize: MIB })).id)
    const fromMs = Date.now()
    let archivedBytes = 0
    {
      await using work = keepArchiving(scene, file, VAULT)
      for (let killed = 0; killed < 2; killed += 1) {
        const count = work.archivedCount()
        await until(() => work.archivedCount() > count, { timeoutMs: WAIT_MAX_MS })
        const [victim] = scene.test.stack
          .processes()
          .filter(({ kind, isRunning }) => kind === 'worker' && isRunning)
        assert.ok(victim)
        process.kill(victim.pid, 'SIGKILL')
        await untilValue('sum(firn_worker_slots)', (WORKERS - 1) * SLOTS)
        await scene.test.stack.addWorker(AbortSignal.timeout(WAIT_MAX_MS))
        await scene.discover()
        await untilValue('sum(firn_worker_slots)', WORKERS * SLOTS)
      }
      const count = work.archivedCount()
      await until(() => work.archivedCount() > count, { timeoutMs: WAIT_MAX_MS })
      await work[Symbol.asyncDispose]()
      archivedBytes = work.archivedCount() * FILE_BYTES
    }
    await untilValue('max(firn_backlog_bytes)', 0)
    const seconds = Math.ceil((Date.now() - fromMs) / 1000)

    const rates = await history(`sum(rate(${BYTES}[5s]))`, fromMs)
    assert.ok(rates.length > 3, `${rates.length} rates`)
    assert.ok(
      rates.every((rate) => rate >= 0),
      'no rate is negative',
    )
    const slots = await history('sum(firn_worker_slots)', fromMs)
    assert.ok(Math.max(...slots) === WORKERS * SLOTS, `never more slots than there are: ${slots}`)
    // Each killed worker takes along what it did since the last scrape, and some of what others do again.
    const told = (await ask(`sum(increase(${BYTES}[${seconds}s]))`)) ?? 0
    const ratio = told / archivedBytes
    t.diagnostic(`${told} bytes told, ${archivedBytes} archived, in ${seconds} s`)
    assert.ok(ratio > 0.6 && ratio < 1.15, `${told} of ${archivedBytes} bytes`)
    const ended = `(firn_jobs_ended_total{state="archived"} unless firn_jobs_ended_total offset ${seconds}s) or increase(firn_jobs_ended_total{state="archived"}[${seconds}s])`
    const archived = (await ask(`round(sum(${ended}))`)) ?? 0
    const really = archivedBytes / FILE_BYTES
    assert.ok(Math.abs(archived - really) <= 1, `${archived} of ${really} jobs are told of`)
  })

  it('tells once what finalizers know, by vault and as a whole', async () => {
    await scene.test.api.createVault('photos', AbortSignal.timeout(WAIT_MAX_MS))
    await scene.setFaults([{ operation: 'UploadMultipartPart', action: 'latency', delayMs: 500 }])
    const signal = AbortSignal.timeout(WAIT_MAX_MS)
    for (const vault of [VAULT, 'photos', 'photos']) {
      const { id } = await submit(scene.test, file, { partSize: MIB, vault })
      await untilJob(scene.test, id, ({ parts }) => parts.uploaded > 0)
      await scene.test.api.command(id, 'pause', signal)
    }
    await scene.setFaults([])
    await untilValue('sum(firn_worker_slots{state="busy"})', 0)
    const jobs = await pausedJobs()
    assert.equal(jobs.length, 3)
    const left = (vault: string): number =>
      jobs
        .filter((job) => job.vault === vault)
        .reduce((sum, { bytes }) => sum + (bytes.total ?? 0) - bytes.uploaded, 0)
    for (const vault of [VAULT, 'photos']) {
      const where = `vault="${vault}", state="paused"`
      await untilValue(`max(firn_unfinished_bytes{${where}})`, left(vault))
      await untilValue(`count(firn_unfinished_bytes{${where}})`, 1)
    }
    const total = 'sum(max by (vault, state) (firn_unfinished_bytes{state="paused"}))'
    assert.equal(await ask(total), left(VAULT) + left('photos'))
    const byVault = 'sum by (state) (max by (vault, state) (firn_unfinished_jobs))'
    assert.equal(await ask(`${byVault} == on(state) max by (state) (firn_jobs)`), 3)

    for (const { id } of jobs) await scene.test.api.command(id, 'resume', signal)
    for (const { id } of jobs) await untilArchived(scene.test, id)
    // A vault without unfinished jobs has no series, rather than one that stands still.
    await until(async () => (await scene.query('firn_unfinished_jobs')).length === 0, {
      timeoutMs: WAIT_MAX_MS,
      intervalMs: 500,
    })
  })

  it('forgets what a process told once that is gone', async () => {
    const finalizers = scene.test.stack.processes().filter(({ kind }) => kind === 'finalizer')
    for (const { pid } of finalizers) process.kill(pid, 'SIGKILL')
    const isGone = async (): Promise<boolean> =>
      (await scene.query('{__name__=~"firn_(backlog|redis|queue|orphan|upload).*"}')).length === 0
    await until(isGone, { timeoutMs: WAIT_MAX_MS, intervalMs: 200 })
    assert.equal(await ask('absent(firn_redis_up)'), 1)
  })

  async function pausedJobs(): Promise<readonly JobView[]> {
    const { apiUrl, apiToken } = scene.test.stack
    const response = await fetch(`${apiUrl}/v1/jobs?state=paused`, {
      headers: { authorization: `Bearer ${apiToken}` },
    })
    return JobListView.parse(await response.json()).items
  }
})
