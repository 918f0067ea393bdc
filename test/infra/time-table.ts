import { setTimeout as delay } from 'node:timers/promises'
import type { Series } from './query-prometheus.ts'

const EVERY_MS = 250

/** Counts something again and again until disposed. */
export function countRepeatedly(count: () => Promise<number>): AsyncDisposable & {
  readonly counts: () => Series['values']
} {
  const stop = new AbortController()
  const counts: [number, number][] = []
  const work = (async () => {
    while (!stop.signal.aborted) {
      counts.push([Date.now() / 1000, await count()])
      await delay(EVERY_MS, undefined, { signal: stop.signal }).catch(() => {})
    }
  })()
  work.catch(() => {})
  return {
    counts: () => counts,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await work
    },
  }
}

/** What an autoscaler saw and would have done, a line a second, as Markdown for a person to look at. */
export function timeTable(columns: {
  readonly values: Series['values']
  readonly inRedis: Series['values']
  readonly busy: Series['values']
  readonly raw: readonly number[]
  readonly replicas: readonly number[]
}): string {
  const { values, inRedis, busy, raw, replicas } = columns
  const startSeconds = values[0]?.[0] ?? 0
  const at = (series: Series['values'], seconds: number): string =>
    String(series.findLast(([time]) => time <= seconds)?.[1] ?? '')
  const rows = values.map(([seconds, value], index) =>
    [
      (seconds - startSeconds).toFixed(0),
      value,
      at(inRedis, seconds),
      at(busy, seconds),
      raw[index],
      replicas[index],
    ].join(' | '),
  )
  return [
    '| Second | Parts to do, by Prometheus | by Redis | Slots busy | Workers recommended | Workers, window and policies at 60 times the speed |',
    '|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${row} |`),
    '',
  ].join('\n')
}
