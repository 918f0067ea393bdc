import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { until } from '@firn/testing'
import { Redis } from 'ioredis'
import { submit, untilArchived } from '../e2e/test-stack.ts'
import { kedaPrometheus, kedaRedis, plainHpa } from './autoscalers.ts'
import {
  type MetricsScene,
  MIB,
  openMetricsScene,
  single,
  WAIT_MAX_MS,
  WORKERS,
} from './metrics-scene.ts'
import type { Series } from './query-prometheus.ts'
import { canRun } from './run-command.ts'
import { recommend, simulateHpa } from './simulate-hpa.ts'
import { countRepeatedly, timeTable } from './time-table.ts'

const JOBS = 4
/** Ten minutes of an autoscaler's window are ten seconds of the run. */
const SPEED = 60
const QUEUED = 'max(sum by (instance) (firn_queue_jobs{queue="parts", state=~"waiting|active"}))'
type Values = Series['values']

const skip = (await canRun('prometheus', '--version'))
  ? false
  : 'Prometheus is not here: install the package "prometheus"'

describe('simulateHpa()', () => {
  const scaleDown = { stabilizationSeconds: 60, podCount: 2, periodSeconds: 30 }
  const rule = { minReplicas: 1, maxReplicas: 10, target: 8, scaleDown }

  it('recommends as many as have the target each, within limits', () => {
    const rows = [
      [0, 3, 1],
      [8, 1, 1],
      [17, 1, 3],
      [25, 3, 3],
      [1000, 3, 10],
    ] as const
    for (const [metric, current, wanted] of rows) {
      assert.equal(recommend(rule, metric, current), wanted, `${metric} by ${current}`)
    }
  })

  it('goes up at once and comes down after its window, a few at a time', () => {
    const metrics = [0, 80, 80, ...Array.from({ length: 12 }, () => 0)]
    const timed = metrics.map((metric, index) => [index * 15, metric] as const)
    assert.deepEqual(simulateHpa(rule, timed, 1), [1, 5, 10, 10, 10, 10, 8, 8, 6, 6, 4, 4, 2, 2, 1])
  })
})

describe('autoscaling over a real run', { skip, timeout: 12 * 60_000 }, () => {
  let scene: MetricsScene
  let redis: Redis

  before(async () => {
    scene = await openMetricsScene()
    redis = new Redis(scene.test.stack.redisUrl)
    await scene.untilData(`count(up{job="firn-worker"} == 1) == ${WORKERS}`)
  })
  after(async () => {
    redis?.disconnect()
    await scene?.[Symbol.asyncDispose]()
  })

  /** As KEDA counts a key: by the command for its type; what is not there counts as an empty list. */
  async function countKey(key: string): Promise<{ readonly type: string; readonly count: number }> {
    const type = await redis.type(key)
    return { type, count: type === 'zset' ? await redis.zcard(key) : await redis.llen(key) }
  }

  /** A value a second from then on. */
  async function history(query: string, fromMs: number): Promise<Values> {
    const series = await scene.prometheus.range(query, { fromMs, toMs: Date.now() })
    assert.equal(series.length, 1, query)
    return series[0]?.values ?? []
  }

  async function order(path: string): Promise<void> {
    const { apiUrl, apiToken } = scene.test.stack
    const headers = { authorization: `Bearer ${apiToken}` }
    const response = await fetch(`${apiUrl}${path}`, { method: 'POST', headers })
    assert.equal(response.status, 200, path)
  }

  it('follows the backlog up and down, whatever counts it', async () => {
    const [prometheus, hpa, keda] = [await kedaPrometheus(), await plainHpa(), await kedaRedis()]
    const ask = async (query: string) => single(await scene.query(query))
    const waitUntil = (isTrue: () => Promise<boolean>): Promise<void> =>
      until(isTrue, { timeoutMs: WAIT_MAX_MS, intervalMs: 200 })
    await waitUntil(async () => (await ask(prometheus.query)) === 0)
    const countRedis = async (): Promise<number> =>
      (await Promise.all(keda.keys.map(countKey))).reduce((sum, { count }) => sum + count, 0)
    await using redisCounts = countRepeatedly(countRedis)
    const fromMs = Date.now()

    await scene.setFaults([{ operation: 'UploadMultipartPart', action: 'latency', delayMs: 1500 }])
    const file = await scene.scratch.makeFile('some.bin', 64 * MIB)
    const jobs = await Promise.all(
      Array.from({ length: JOBS }, () => submit(scene.test, file, { partSize: MIB })),
    )
    await waitUntil(async () => ((await ask(prometheus.query)) ?? 0) > prometheus.target * WORKERS)
    const types = await Promise.all(
      keda.keys.map(async (key) => `${key} ${(await countKey(key)).type}`),
    )
    assert.match(types.join(), /:prioritized zset/)
    assert.match(types.join(), /:active list/)
    assert.doesNotMatch(types.join(), /:wait (?!list|none)/)

    // With everything held the numbers stand still, so that all must tell the same.
    await order('/v1/pause')
    await waitUntil(async () => (await ask('sum(firn_worker_slots{state="busy"})')) === 0)
    const inRedis = await countRedis()
    assert.ok(inRedis > prometheus.target, `${inRedis} parts wait`)
    await waitUntil(async () => (await ask(QUEUED)) === inRedis)
    // Nobody may do what waits, so that no worker is started for it.
    await waitUntil(async () => (await ask(prometheus.query)) === 0)
    assert.equal(await ask(hpa.query), 0)
    await order('/v1/resume')
    await waitUntil(async () => ((await ask(prometheus.query)) ?? 0) > prometheus.target)

    for (const { id } of jobs) await untilArchived(scene.test, id)
    await scene.setFaults([])
    await waitUntil(async () => (await ask(prometheus.query)) === 0)
    assert.equal(await ask(hpa.query), 0)

    let values: Values = []
    let replicas: readonly number[] = []
    const isDown = async (): Promise<boolean> => {
      values = await history(prometheus.query, fromMs)
      replicas = simulateHpa(prometheus, values, SPEED)
      return replicas.at(-1) === prometheus.minReplicas
    }
    await until(isDown, { timeoutMs: WAIT_MAX_MS, intervalMs: 1000 })
    assert.deepEqual((await history(hpa.query, fromMs)).slice(0, values.length), values)
    const { AUTOSCALE_FILE } = process.env
    if (AUTOSCALE_FILE !== undefined) {
      const busy = await history('sum(firn_worker_slots{state="busy"})', fromMs)
      const raw = values.map(([, value]) => recommend(prometheus, value, 1))
      const columns = { values, inRedis: redisCounts.counts(), busy, raw, replicas }
      await writeFile(AUTOSCALE_FILE, timeTable(columns))
    }

    const peak = Math.max(...values.map(([, value]) => value))
    assert.equal(replicas[0], prometheus.minReplicas)
    const most = Math.max(...replicas)
    assert.ok(most >= recommend(prometheus, inRedis, 1), `${most} replicas for ${inRedis} parts`)
    assert.ok(most <= recommend(prometheus, peak, 1), `${most} replicas for ${peak} parts`)
    assert.ok(most > WORKERS, `${most} are more than the ${WORKERS} there are`)
    for (const rule of [hpa, keda]) assert.deepEqual(simulateHpa(rule, values, SPEED), replicas)
  })
})
