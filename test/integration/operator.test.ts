import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ControlsView, RetryReportView, UploadListView, WorkerListView } from '@firn/contracts'
import { type ErrorCode, markedDescription, type Progress } from '@firn/core'
import { aDefinition, aJob, anUpload } from '@firn/testing'
import { authorization, openTestApi } from '../../services/api/src/open-test-api.ts'

const never = new AbortController().signal
const json = (body: unknown): RequestInit => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
type Api = Awaited<ReturnType<typeof openTestApi>>

/** Like `call`, for answers whose keys are not those of a job. */
async function ask(api: Api, method: string, path: string, body?: unknown): Promise<unknown> {
  const { headers, ...rest } = body === undefined ? {} : json(body)
  const response = await fetch(`${api.url}${path}`, {
    ...rest,
    method,
    headers: { ...authorization, ...Object.fromEntries(new Headers(headers)) },
  })
  assert.equal(response.status, 200, `${method} ${path}`)
  return await response.json()
}
const controls = async (api: Api, method: string, path: string, body?: unknown) =>
  ControlsView.parse(await ask(api, method, path, body))

function failed(code: ErrorCode, fate: 'kept' | 'abort' = 'kept'): Progress {
  const error = { code, message: 'It failed', isRetryable: fate === 'kept' }
  return { state: 'failed', generation: 1, upload: anUpload(), fate, error }
}

describe('/v1/controls', () => {
  it('begins with the defaults and changes only what is named', async () => {
    await using api = await openTestApi()
    const defaults = {
      held: false,
      heldVaults: [],
      window: 32,
      workerConcurrency: null,
      drainingWorkers: [],
    }
    assert.deepEqual(await controls(api, 'GET', '/v1/controls'), defaults)
    assert.deepEqual(
      await controls(api, 'PATCH', '/v1/controls', { window: 1000, workerConcurrency: 8 }),
      { ...defaults, window: 1000, workerConcurrency: 8 },
    )
    assert.deepEqual(
      await controls(api, 'PATCH', '/v1/controls', {
        heldVaults: ['b', 'a', 'b'],
        workerConcurrency: null,
      }),
      { ...defaults, window: 1000, heldVaults: ['a', 'b'] },
    )
  })

  it('refuses what is out of range, unknown or nothing, and says where', async () => {
    await using api = await openTestApi()
    const bad: readonly (readonly [unknown, string])[] = [
      [{ window: 0 }, '/window'],
      [{ window: 1001 }, '/window'],
      [{ window: 1.5 }, '/window'],
      [{ workerConcurrency: 257 }, '/workerConcurrency'],
      [{ heldVaults: ['..'] }, '/heldVaults/0'],
      [{ drainingWorkers: [] }, '/drainingWorkers'],
      [{ held: 'yes' }, '/held'],
      [{}, ''],
    ]
    for (const [body, path] of bad) {
      const { status, body: problem } = await api.call('PATCH', '/v1/controls', json(body))
      assert.equal(status, 422, JSON.stringify(body))
      assert.equal(problem.errors?.[0]?.path, path)
    }
    assert.equal((await api.call('PATCH', '/v1/controls', { body: '{}' })).status, 415)
    assert.equal((await controls(api, 'GET', '/v1/controls')).window, 32)
  })
})

describe('/v1/pause and /v1/resume', () => {
  it('hold and release everything without a body, and one vault with one', async () => {
    await using api = await openTestApi()
    assert.equal((await controls(api, 'POST', '/v1/pause')).held, true)
    assert.deepEqual((await controls(api, 'POST', '/v1/pause', { vault: 'v' })).heldVaults, ['v'])
    const released = await controls(api, 'POST', '/v1/resume', {})
    assert.deepEqual([released.held, released.heldVaults], [false, ['v']])
    assert.deepEqual((await controls(api, 'POST', '/v1/resume', { vault: 'v' })).heldVaults, [])
  })

  it('refuse a body that is not JSON, or asks for something else', async () => {
    await using api = await openTestApi()
    assert.equal((await api.call('POST', '/v1/pause', { body: 'vault=v' })).status, 415)
    assert.equal((await api.call('POST', '/v1/pause', json({ vaults: 'v' }))).status, 422)
    assert.equal((await controls(api, 'GET', '/v1/controls')).held, false)
  })
})

describe('/v1/workers', () => {
  it('lists workers page by page, and drains those that live', async () => {
    await using api = await openTestApi()
    for (const name of ['host:3', 'host:1', 'host:2']) {
      const report = { name, slotCount: 4, busyCount: 2, isHolding: false }
      await api.controlStore.reportWorker(report, never)
    }
    await controls(api, 'POST', '/v1/workers/host:2/drain')
    const first = WorkerListView.parse(await ask(api, 'GET', '/v1/workers?limit=2'))
    const second = WorkerListView.parse(
      await ask(api, 'GET', `/v1/workers?limit=2&cursor=${first.nextCursor}`),
    )
    assert.deepEqual(
      [...first.items, ...second.items].map(({ name, draining }) => [name, draining]),
      [
        ['host:1', false],
        ['host:2', true],
        ['host:3', false],
      ],
    )
    assert.equal(second.nextCursor, null)
    const after = await controls(api, 'POST', '/v1/workers/host:2/undrain')
    assert.deepEqual(after.drainingWorkers, [])
    const { status, body } = await api.call('POST', '/v1/workers/host:9/drain')
    assert.deepEqual([status, body.code], [404, 'WORKER_NOT_FOUND'])
  })

  it('forgets drained workers that are gone, once another one is drained', async () => {
    await using api = await openTestApi()
    for (const name of ['host:1', 'host:2']) {
      await api.controlStore.reportWorker(
        { name, slotCount: 4, busyCount: 0, isHolding: false },
        never,
      )
    }
    await controls(api, 'POST', '/v1/workers/host:1/drain')
    await api.controlStore.forgetWorker('host:1', never)
    const after = await controls(api, 'POST', '/v1/workers/host:2/drain')
    assert.deepEqual(after.drainingWorkers, ['host:2'])
  })
})

describe('POST /v1/jobs/retry', () => {
  it('retries the failed jobs that match, and counts the others', async () => {
    await using api = await openTestApi()
    const add = async (vault: string, owner: string, progress: Progress) => {
      const definition = aDefinition({ vault, labels: { owner } })
      const { id: jobId } = definition
      await api.journal.putDefinition(definition, never)
      assert.ok(progress.state === 'failed')
      const { generation, error } = progress
      await api.journal.putFailure({ jobId, generation, error, atMs: 1 }, never)
      await api.store.create(aJob({ definition, progress }), never)
    }
    for (let index = 0; index < 40; index += 1) await add('v', 'ada', failed('GLACIER_TIMEOUT'))
    await add('v', 'ada', failed('SOURCE_UNREADABLE'))
    await add('v', 'ada', failed('GLACIER_TIMEOUT', 'abort'))
    await add('v', 'bob', failed('GLACIER_TIMEOUT'))
    await add('w', 'ada', failed('GLACIER_TIMEOUT'))
    const filter = { vault: 'v', labels: { owner: 'ada' }, errorCode: 'GLACIER_TIMEOUT' }
    const report = await ask(api, 'POST', '/v1/jobs/retry', filter)
    assert.deepEqual(RetryReportView.parse(report), {
      matched: 41,
      retried: 40,
      refused: 1,
      nextCursor: null,
    })
    const count = await api.store.countByState(never)
    assert.deepEqual([count.uploading, count.failed], [40, 4])
    const rest = RetryReportView.parse(await ask(api, 'POST', '/v1/jobs/retry'))
    assert.deepEqual([rest.matched, rest.retried], [4, 3])
  })

  it('refuses other states and codes that no failure has', async () => {
    await using api = await openTestApi()
    for (const body of [{ state: 'paused' }, { errorCode: 'NOPE' }, { label: 'a:b' }]) {
      assert.equal((await api.call('POST', '/v1/jobs/retry', json(body))).status, 422)
    }
  })
})

describe('/v1/vaults/{name}/uploads', () => {
  it('tells whose each upload is, and aborts only what no job needs', async () => {
    await using api = await openTestApi()
    const own = anUpload({ uploadId: 'own' })
    const job = aJob({
      definition: aDefinition({ vault: 'v' }),
      progress: { state: 'uploading', generation: 1, upload: own },
    })
    await api.store.create(job, never)
    const { id: jobId } = job.definition
    const marked = markedDescription({ jobId, generation: 1 }, 'x')
    const add = (uploadId: string, description: string | null, createdAtMs: number) =>
      api.uploads.push({ uploadId, description, partSizeBytes: 1048576, createdAtMs })
    add('stray', marked, 3000)
    add('own', marked, 2000)
    add('foreign', 'by another tool', 1000)

    const path = '/v1/vaults/v/uploads'
    const first = UploadListView.parse(await ask(api, 'GET', `${path}?limit=2`))
    const rest = UploadListView.parse(
      await ask(api, 'GET', `${path}?limit=2&cursor=${first.nextCursor}`),
    )
    assert.deepEqual(
      [...first.items, ...rest.items].map((one) => [one.uploadId, one.jobId, one.orphan]),
      [
        ['foreign', null, false],
        ['own', jobId, false],
        ['stray', jobId, true],
      ],
    )
    const refused = await api.call('DELETE', `${path}/own`)
    assert.deepEqual([refused.status, refused.body.code], [409, 'UPLOAD_IN_USE'])
    const unknown = await api.call('DELETE', `${path}/nothing`)
    assert.deepEqual([unknown.status, unknown.body.code], [404, 'GLACIER_UPLOAD_NOT_FOUND'])
    await ask(api, 'DELETE', `${path}/stray`)
    assert.deepEqual(
      api.uploads.map(({ uploadId }) => uploadId),
      ['own', 'foreign'],
    )
  })
})
