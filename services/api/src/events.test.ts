import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ProgressEventView, StateEventView } from '@firn/contracts'
import { advance, type JobId, parseJobId } from '@firn/core'
import { createMemoryJobStore } from '@firn/store'
import { authorization, openTestApi } from './open-test-api.ts'

type TestApi = Awaited<ReturnType<typeof openTestApi>>

interface Event {
  readonly id: string | null
  readonly type: string
  readonly data: unknown
}

/** The events of one connection, until it ends or is left. */
async function* readEvents(response: Response): AsyncGenerator<Event> {
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  let rest = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => {
          const colon = line.indexOf(': ')
          return [line.slice(0, colon), line.slice(colon + 2)] as const
        }),
      )
      const data = fields.get('data')
      if (data === undefined) continue
      yield {
        id: fields.get('id') ?? null,
        type: fields.get('event') ?? '',
        data: JSON.parse(data),
      }
    }
  }
}

async function listen(api: TestApi, path: string, lastEventId?: string) {
  const headers = { ...authorization, ...(lastEventId && { 'last-event-id': lastEventId }) }
  const events = readEvents(await fetch(`${api.url}${path}`, { headers }))
  return {
    async next(type: 'state' | 'progress'): Promise<Event> {
      for (;;) {
        const { value, done } = await events.next()
        if (done) throw new Error('the stream ended')
        if (value.type === type) return value
      }
    },
    async state() {
      const event = await this.next('state')
      return { id: event.id, ...StateEventView.parse(event.data) }
    },
    /** Resolves when the server ends the stream. */
    async rest() {
      return await Array.fromAsync(events)
    },
    [Symbol.asyncDispose]: async () => void (await events.return(undefined)),
  }
}

async function createJob(api: TestApi): Promise<JobId> {
  const { body } = await api.call('POST', '/v1/jobs', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ vault: 'v', source: { type: 'file', path: '/srv/archive/a' } }),
  })
  const id = parseJobId(body.id ?? '')
  assert.ok(id)
  return id
}

const never = new AbortController().signal
const plan = { sizeBytes: 3 * 2 ** 20, partSizeBytes: 2 ** 20, partCount: 3 }
const pin = { sizeBytes: plan.sizeBytes, device: '1', inode: '2', mtimeNs: '3', ctimeNs: '4' }

/** Does what a worker does: opens the upload and records the first part. */
async function uploadFirstPart(api: TestApi, id: JobId): Promise<void> {
  const stored = await api.store.load(id, never)
  assert.ok(stored)
  const upload = { uploadId: 'u', plan, pin, expectedTreeHash: null, openedAtMs: 1 }
  const opened = advance(stored.job, { type: 'opened', upload }, Date.now())
  assert.ok(opened.ok)
  assert.ok(await api.store.save(opened.job, stored.version, never))
  await api.store.openParts({ jobId: id, generation: 1 }, 3, never)
  const ref = { jobId: id, generation: 1, index: 0 }
  await api.store.beginPart(ref, { worker: 'worker-1', attempt: 1 }, never)
  const input = { treeHash: Buffer.alloc(32, 7), sizeBytes: 2 ** 20, window: 3, nowMs: Date.now() }
  assert.equal((await api.store.recordPart(ref, input, never)).outcome, 'recorded')
}

describe('GET /v1/jobs/{id}/events', () => {
  it('begins with the job as it is and goes on with its states and progress', async () => {
    await using api = await openTestApi()
    const id = await createJob(api)
    await using stream = await listen(api, `/v1/jobs/${id}/events`)
    assert.equal((await stream.state()).state, 'queued')
    await uploadFirstPart(api, id)
    const uploading = await stream.state()
    assert.equal(uploading.state, 'uploading')
    assert.equal(uploading.job.parts.total, 3)
    const progress = ProgressEventView.parse((await stream.next('progress')).data)
    assert.deepEqual(progress.parts, { total: 3, uploaded: 1 })
    assert.deepEqual(progress.bytes, { total: plan.sizeBytes, uploaded: 2 ** 20 })
    const { body } = await api.call('GET', `/v1/jobs/${id}/parts?limit=2`)
    assert.deepEqual(body.items, [
      {
        index: 0,
        start: 0,
        end: 2 ** 20 - 1,
        state: 'uploaded',
        sha256TreeHash: '07'.repeat(32),
        attempts: 1,
        worker: 'worker-1',
      },
      {
        index: 1,
        start: 2 ** 20,
        end: 2 ** 21 - 1,
        state: 'pending',
        sha256TreeHash: null,
        attempts: 0,
        worker: null,
      },
    ])
  })

  it('tells after Last-Event-ID what was missed, once and in order', async () => {
    await using api = await openTestApi()
    const id = await createJob(api)
    // Stays open, so that the hub is between two polls and behind the store.
    await using first = await listen(api, `/v1/jobs/${id}/events`)
    const { id: lastId } = await first.state()
    await createJob(api)
    const command = (name: string) => api.call('POST', `/v1/jobs/${id}/${name}`)
    for (const name of ['pause', 'resume', 'pause']) await command(name)
    await using second = await listen(api, `/v1/jobs/${id}/events`, lastId ?? '')
    const missed = [await second.state(), await second.state(), await second.state()]
    assert.deepEqual(
      missed.map(({ state, job }) => [state, job.state]),
      [
        ['paused', 'paused'],
        ['queued', 'paused'],
        ['paused', 'paused'],
      ],
    )
    assert.equal(new Set(missed.map((event) => event.id)).size, 3)
    await command('cancel')
    assert.equal((await second.state()).state, 'cancelled')
    const third = await listen(api, `/v1/jobs/${id}/events`)
    assert.equal((await third.state()).state, 'cancelled')
    api.stop()
    assert.deepEqual(await third.rest(), [])
  })

  it('is not found for a job that is not there', async () => {
    await using api = await openTestApi()
    const path = '/v1/jobs/01890000-0000-7000-8000-000000000000/events'
    assert.equal((await api.call('GET', path)).status, 404)
  })
})

describe('GET /v1/events', () => {
  it('tells of every job, to every client, with one poll for all', async () => {
    const memory = createMemoryJobStore()
    let polls = 0
    const store = {
      ...memory,
      stateEvents: (...input: Parameters<typeof memory.stateEvents>) => {
        polls += 1
        return memory.stateEvents(...input)
      },
    }
    await using api = await openTestApi({ store })
    const streams = await Promise.all(Array.from({ length: 8 }, () => listen(api, '/v1/events')))
    const startMs = performance.now()
    const ids = [await createJob(api), await createJob(api)]
    for (const stream of streams) {
      assert.deepEqual([(await stream.state()).jobId, (await stream.state()).jobId], ids)
    }
    const rounds = (performance.now() - startMs) / 300 + 2
    assert.ok(polls <= rounds, `${polls} polls in ${rounds} rounds`)
    for (const stream of streams) await stream[Symbol.asyncDispose]()
  })

  it('refuses more streams than it may hold', async () => {
    await using api = await openTestApi({ streamCountMax: 1 })
    await using _stream = await listen(api, '/v1/events')
    const { status, headers, body } = await api.call('GET', '/v1/events')
    assert.equal(status, 429)
    assert.equal(body.code, 'STREAMS_EXHAUSTED')
    assert.ok(Number(headers.get('retry-after')) > 0)
  })

  it('ends when the process begins to stop', async () => {
    await using api = await openTestApi()
    await using stream = await listen(api, '/v1/events')
    api.stop()
    assert.deepEqual(await stream.rest(), [])
  })

  it('opens no stream for HEAD', async () => {
    await using api = await openTestApi()
    const response = await fetch(`${api.url}/v1/events`, { method: 'HEAD', headers: authorization })
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
  })
})
