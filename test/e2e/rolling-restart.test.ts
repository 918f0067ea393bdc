import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PartListView } from '@firn/contracts'
import { MIB } from '@firn/core'
import {
  archiveCount,
  openScratch,
  openTestStack,
  submit,
  type TestStack,
  untilArchived,
  untilJob,
  uploadIds,
  verify,
} from './test-stack.ts'

/** FIRN_E2E_LARGE=1 asks for the 2 GiB that a release is tried with. */
const isLarge = process.env.FIRN_E2E_LARGE === '1'
const SIZE_BYTES = isLarge ? 2048 * MIB : 320 * MIB
const PART_BYTES = isLarge ? 4 * MIB : MIB
const ROUNDS = isLarge ? 2 : 1
const WAIT_MAX_MS = 120_000
const STATUS_UNAVAILABLE = 503
/** What a client that reads docs/api.md tries again: the server is not there, or just went. */
const GONE = /^(?:ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)$/

/** Restarts are to meet an upload that is under way. */
const slowWorkers = { restart: true, envByKind: { worker: { WORKER_CONCURRENCY: '1' } } } as const

function ask({ stack }: TestStack, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${stack.apiUrl}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${stack.apiToken}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(WAIT_MAX_MS),
  })
}

/** What a client makes of one answer; null when it has what it wanted. */
async function outcomeOf(asked: Promise<Response>): Promise<'retry' | string | null> {
  try {
    const response = await asked
    await response.arrayBuffer()
    if (response.ok) return null
    const isLater = response.headers.has('retry-after')
    return response.status === STATUS_UNAVAILABLE && isLater ? 'retry' : String(response.status)
  } catch (error) {
    const { code = '' } = Object(error instanceof Error ? error.cause : undefined)
    return GONE.test(code) ? 'retry' : String(error)
  }
}

/** Asks for jobs all along; what it saw that a client would not simply try again. */
function startClient(test: TestStack) {
  const seen = { requests: 0, retried: 0, failures: [] as string[] }
  const stop = new AbortController()
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      seen.requests += 1
      const outcome = await outcomeOf(ask(test, '/v1/jobs'))
      if (outcome === 'retry') seen.retried += 1
      else if (outcome !== null) seen.failures.push(outcome)
      await sleep(20)
    }
  }
  const running = run()
  return {
    async end() {
      stop.abort()
      await running
      return seen
    },
  }
}

async function restart(test: TestStack, name: string): Promise<void> {
  const before = test.stack.processes().find((one) => one.name === name)
  assert.ok(before)
  process.kill(before.pid, 'SIGTERM')
  const signal = AbortSignal.timeout(WAIT_MAX_MS)
  for (;;) {
    const found = test.stack.processes().find((one) => one.name === name)
    if (found !== undefined && found.pid !== before.pid && found.isRunning) {
      const response = await fetch(`${found.url}/readyz`, { signal }).catch(() => undefined)
      await response?.arrayBuffer()
      if (response?.ok === true) return
    }
    await sleep(20, undefined, { signal })
  }
}

describe('a rolling restart of all workers and the API', () => {
  it('costs a client nothing but a retry and a part no attempt', async (context) => {
    await using scratch = await openScratch()
    const file = await scratch.makeFile('input.bin', SIZE_BYTES)
    await using test = await openTestStack(scratch, slowWorkers)
    // One part after the other, so that the upload outlasts the restarts.
    await ask(test, '/v1/controls', { method: 'PATCH', body: JSON.stringify({ window: 1 }) })
    const { id } = await submit(test, file, { partSize: PART_BYTES })
    const begun = await untilJob(test, id, ({ parts }) => parts.uploaded > 2)
    const client = startClient(test)
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const name of ['worker-1', 'worker-2', 'api']) await restart(test, name)
    }
    const { state, parts } = await untilJob(test, id, () => true)
    const { requests, retried, failures } = await client.end()
    context.diagnostic(
      `${parts.uploaded} of ${parts.total} parts were uploaded after ${3 * ROUNDS} restarts; ` +
        `of ${requests} requests ${retried} had to be sent again`,
    )
    assert.equal(state, 'uploading', 'the restarts came too late')
    assert.deepEqual(failures, [])

    const job = await untilArchived(test, id)
    assert.equal(job.uploadId, begun.uploadId)
    const response = await ask(test, `/v1/jobs/${id}/parts?limit=1000`)
    const { items } = PartListView.parse(await response.json())
    assert.equal(items.length, SIZE_BYTES / PART_BYTES)
    assert.deepEqual([...new Set(items.map(({ attempts }) => attempts))], [1])
    await verify(test, job, file)
    assert.equal(await archiveCount(test), 1)
    assert.deepEqual(await uploadIds(test), [])
  })
})
