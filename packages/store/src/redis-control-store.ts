import { AppError, type Controls, defaultControls, invariant } from '@firn/core'
import { parseControlsRecord, parseWorkerReportRecord } from '@firn/records'
import type { Cluster, Redis } from 'ioredis'
import { type ControlStore, type SeenWorker, WORKER_TTL_MS } from './control-store.ts'
import { controlsKey, workerReportsKey, workersSeenKey } from './keys.ts'
import { changeControlsScript } from './scripts/change-controls.ts'
import { runScript } from './scripts/script.ts'
import { listWorkersScript, reportWorkerScript } from './scripts/worker-reports.ts'
import { storeCall } from './store-call.ts'

/** Operators are few: this many lost races in a row are a bug. */
const RACES_MAX = 50

const workerKeys = [workersSeenKey, workerReportsKey]

/** Controls in Redis: one string, and what workers said in a hash and a sorted set. */
export function createRedisControlStore({
  redis,
}: {
  readonly redis: Redis | Cluster
}): ControlStore {
  return {
    load: (signal) =>
      storeCall('read the controls', signal, async () => parse(await redis.get(controlsKey))),

    change: (change, signal) =>
      storeCall('change the controls', signal, async () => {
        for (let race = 0; race < RACES_MAX; race += 1) {
          const text = await redis.get(controlsKey)
          const before = parse(text)
          const after = change(before)
          if (after === before) return before
          const args = [text ?? '', JSON.stringify(after)]
          if ((await runScript(redis, changeControlsScript, [controlsKey], args)) === 1) {
            return after
          }
        }
        throw new AppError('STORE_UNAVAILABLE', `The controls changed ${RACES_MAX} times`)
      }),

    reportWorker: (report, signal) =>
      storeCall('report a worker', signal, async () => {
        const args = [WORKER_TTL_MS, report.name, JSON.stringify(report)]
        await runScript(redis, reportWorkerScript, workerKeys, args)
      }),

    forgetWorker: (name, signal) =>
      storeCall('forget a worker', signal, async () => {
        await redis.zrem(workersSeenKey, name)
        await redis.hdel(workerReportsKey, name)
      }),

    listWorkers: (signal) =>
      storeCall('list workers', signal, async () => {
        const found = await runScript(redis, listWorkersScript, workerKeys, [WORKER_TTL_MS])
        invariant(Array.isArray(found), 'a list of workers')
        const workers: SeenWorker[] = []
        for (let index = 0; index + 1 < found.length; index += 2) {
          const report = parseWorkerReportRecord(String(found[index + 1]))
          workers.push({ ...report, seenAtMs: Number(found[index]) })
        }
        return workers.sort((a, b) => (a.name < b.name ? -1 : 1))
      }),
  }
}

function parse(text: string | null): Controls {
  return text === null ? defaultControls : parseControlsRecord(text)
}
