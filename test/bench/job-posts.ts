import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { unlink, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { invariant } from '@firn/core'
import { openBenchStack, VAULT } from './bench-stack.ts'
import type { Section } from './section.ts'
import { startSink } from './sink.ts'
import { quantileOf } from './stats.ts'

const CLIENTS = 50
const WARM_UP_POSTS = 500

/**
 * POST /v1/jobs from many clients at once, each waiting for its answer before it asks again. No
 * worker runs, so that what is measured is the acceptance: validated, journaled, in Redis, queued.
 */
export const measureJobPosts: Section = async (context, _deadline, signal) => {
  await using sink = await startSink({ latencyMs: 0 }, signal)
  await using bench = await openBenchStack({ context, workerCount: 0, sinkUrl: sink.url }, signal)
  const { apiUrl, apiToken } = bench.stack
  const file = join(context.scratch, 'small.bin')
  await writeFile(file, 'small')
  const body = JSON.stringify({ vault: VAULT, source: { type: 'file', path: file } })
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const post = (): Promise<number> => postJob({ agent, apiUrl, apiToken, body }, signal)
  try {
    await repeat(post, WARM_UP_POSTS)
    const count = context.isQuick ? 1500 : 5000
    const before = await repeat(() => syncFile(context.scratch), count / 5)
    const cpuBefore = bench.cpu()
    const { latenciesMs, seconds } = await repeat(post, count)
    const cpu = bench.cpu()
    const after = await repeat(() => syncFile(context.scratch), count / 5)
    const diskMs = [...before.latenciesMs, ...after.latenciesMs]
    const diskRate = diskMs.length / (before.seconds + after.seconds)
    const cpuMs = (kind: 'api' | 'redis'): string =>
      `${kind} ${(((cpu[kind] - cpuBefore[kind]) * 1000) / count).toFixed(2)}`
    return [
      {
        id: 'posts.p99',
        what: `POST /v1/jobs, ${CLIENTS} clients, p99`,
        value: quantileOf(latenciesMs, 0.99),
        unit: 'ms',
        goal: { is: 'at most', value: 50 },
        detail: `p50 ${quantileOf(latenciesMs, 0.5).toFixed(1)} ms, longest ${Math.max(...latenciesMs).toFixed(0)} ms; a synced file: p50 ${quantileOf(diskMs, 0.5).toFixed(1)} ms, p99 ${quantileOf(diskMs, 0.99).toFixed(1)} ms`,
      },
      {
        id: 'posts.rate',
        what: `POST /v1/jobs, ${CLIENTS} clients`,
        value: count / seconds,
        unit: '/s',
        goal: { is: 'at least', value: 500 },
        detail: `CPU ms each: ${cpuMs('api')}, ${cpuMs('redis')}; synced files ${diskRate.toFixed(0)}/s; ${count} requests`,
      },
    ]
  } finally {
    agent.destroy()
  }
}

/** `count` runs, by as many callers as there are clients; `run` answers with its milliseconds. */
async function repeat(
  run: () => Promise<number>,
  count: number,
): Promise<{ readonly latenciesMs: readonly number[]; readonly seconds: number }> {
  const latenciesMs: number[] = []
  let sent = 0
  const startedAtMs = performance.now()
  const client = async (): Promise<void> => {
    while (sent < count) {
      sent += 1
      latenciesMs.push(await run())
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return { latenciesMs, seconds: (performance.now() - startedAtMs) / 1000 }
}

/**
 * Milliseconds for one small file on stable storage: what the disk allows at that minute. A POST
 * needs two such syncs one after the other, the journal's and Redis's.
 */
async function syncFile(directory: string): Promise<number> {
  const startedAtMs = performance.now()
  const path = join(directory, `${randomUUID()}.tmp`)
  await writeFile(path, 'small', { flush: true })
  const took = performance.now() - startedAtMs
  await unlink(path)
  return took
}

/** Milliseconds until the answer was there. */
async function postJob(
  input: {
    readonly agent: Agent
    readonly apiUrl: string
    readonly apiToken: string
    readonly body: string
  },
  signal: AbortSignal,
): Promise<number> {
  const startedAtMs = performance.now()
  const req = request(`${input.apiUrl}/v1/jobs`, {
    agent: input.agent,
    method: 'POST',
    headers: {
      authorization: `Bearer ${input.apiToken}`,
      'content-type': 'application/json',
      'content-length': input.body.length,
    },
    signal,
  })
  req.end(input.body)
  const [res]: IncomingMessage[] = await once(req, 'response')
  invariant(res, 'a response without a response')
  const answer = await buffer(res)
  if (res.statusCode !== 202) throw new Error(`POST /v1/jobs: ${res.statusCode} ${answer}`)
  return performance.now() - startedAtMs
}
