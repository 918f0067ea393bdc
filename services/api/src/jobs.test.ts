import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type CheckedAnswer, openTestApi } from './open-test-api.ts'

type TestApi = Awaited<ReturnType<typeof openTestApi>>

function post(api: TestApi, body: unknown, headers: Record<string, string> = {}) {
  return api.call('POST', '/v1/jobs', {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

const request = { vault: 'photos', source: { type: 'file', path: '/srv/archive/a.tar' } }

function names(items: CheckedAnswer['body']['items'], key: 'id' | 'name') {
  return (items ?? []).map((item) => item[key])
}

async function create(api: TestApi, body: unknown = request) {
  const answer = await post(api, body)
  assert.equal(answer.status, 202)
  return answer.body
}

describe('POST /v1/jobs', () => {
  it('accepts a job, says where it is and queues its opening', async () => {
    await using api = await openTestApi()
    const { status, headers, body } = await post(api, {
      ...request,
      description: '  the summer of 2026',
      partSize: 2 ** 24,
      labels: { project: 'alps' },
    })
    assert.equal(status, 202)
    assert.equal(headers.get('location'), `/v1/jobs/${body.id}`)
    assert.equal(headers.get('idempotency-replayed'), null)
    assert.equal(body.state, 'queued')
    assert.equal(body.description, 'the summer of 2026')
    assert.equal(body.partSize, 2 ** 24)
    assert.deepEqual(body.labels, { project: 'alps' })
    assert.deepEqual(body.parts, { total: null, uploaded: 0 })
    assert.equal(body.finishedAt, null)
    assert.deepEqual(api.queued, [`open ${body.id}`])
    assert.deepEqual((await api.call('GET', `/v1/jobs/${body.id}`)).body, body)
  })

  it('shows a description of spaces alone as none', async () => {
    await using api = await openTestApi()
    assert.equal((await create(api, { ...request, description: '   ' })).description, null)
  })

  it('makes one job of fifty equal requests at once under one key', async () => {
    await using api = await openTestApi()
    const headers = { 'idempotency-key': 'once' }
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(api, request, headers)))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]))
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1)
    const { body } = await api.call('GET', '/v1/jobs')
    assert.equal(body.items?.length, 1)
  })

  it('takes the same request under the same key however its JSON is written', async () => {
    await using api = await openTestApi()
    const headers = { 'idempotency-key': 'k' }
    const first = await post(api, { ...request, labels: { a: '1', b: '2' } }, headers)
    const second = await post(
      api,
      { priority: 3, labels: { b: '2', a: '1' }, source: request.source, vault: 'photos' },
      headers,
    )
    assert.equal(second.body.id, first.body.id)
    assert.equal(second.headers.get('idempotency-replayed'), 'true')
  })

  it('refuses another request under the same key', async () => {
    await using api = await openTestApi()
    const headers = { 'idempotency-key': 'k' }
    await post(api, request, headers)
    const { status, body } = await post(api, { ...request, vault: 'films' }, headers)
    assert.equal(status, 422)
    assert.equal(body.code, 'IDEMPOTENCY_KEY_REUSED')
  })
})

describe('GET /v1/jobs', () => {
  it('pages through the jobs, newest first', async () => {
    await using api = await openTestApi()
    const ids: (string | undefined)[] = []
    for (let index = 0; index < 5; index += 1) ids.unshift((await create(api)).id)
    const seen: (string | undefined)[] = []
    let next = '/v1/jobs?limit=2'
    for (let page = 0; page < 3; page += 1) {
      const { body } = await api.call('GET', next)
      seen.push(...names(body.items, 'id'))
      next = `/v1/jobs?limit=2&cursor=${body.nextCursor}`
      assert.equal(body.nextCursor === null, page === 2)
    }
    assert.deepEqual(new Set(seen), new Set(ids))
    assert.equal(seen.length, 5)
  })

  it('finds jobs by vault, state and every label asked for', async () => {
    await using api = await openTestApi()
    const wanted = await create(api, { ...request, labels: { a: '1', b: 'x:y' } })
    await create(api, { ...request, labels: { a: '1' } })
    await create(api, { ...request, vault: 'films', labels: { a: '1', b: 'x:y' } })
    const query = 'state=queued&vault=photos&label=a:1&label=b:x:y'
    const { body } = await api.call('GET', `/v1/jobs?${query}`)
    assert.deepEqual(body.items, [wanted])
    assert.deepEqual((await api.call('GET', '/v1/jobs?state=archived')).body.items, [])
    assert.deepEqual((await api.call('GET', '/v1/jobs?label=constructor:x')).body.items, [])
  })
})

describe('commands', () => {
  it('pauses, resumes and cancels, and repeats do no harm', async () => {
    await using api = await openTestApi()
    const { id } = await create(api)
    const states: (string | undefined)[] = []
    for (const command of ['pause', 'pause', 'resume', 'cancel', 'cancel']) {
      const { status, body } = await api.call('POST', `/v1/jobs/${id}/${command}`)
      assert.equal(status, 202)
      states.push(body.state)
    }
    assert.deepEqual(states, ['paused', 'paused', 'queued', 'cancelled', 'cancelled'])
  })

  it('refuses what the state does not allow and says what it does allow', async () => {
    await using api = await openTestApi()
    const { id } = await create(api)
    await api.call('POST', `/v1/jobs/${id}/cancel`)
    const refused = await api.call('POST', `/v1/jobs/${id}/pause`)
    assert.equal(refused.status, 409)
    assert.equal(refused.body.code, 'JOB_STATE_CONFLICT')
    assert.deepEqual(refused.body.allowed, [])
  })

  it('does not know a job that never was', async () => {
    await using api = await openTestApi()
    const path = '/v1/jobs/01890000-0000-7000-8000-000000000000/cancel'
    const { status, body } = await api.call('POST', path)
    assert.equal(status, 404)
    assert.equal(body.code, 'JOB_NOT_FOUND')
  })
})

describe('PATCH /v1/jobs/{id}', () => {
  const patch = (api: TestApi, id: string | undefined, body: unknown) =>
    api.call('PATCH', `/v1/jobs/${id}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  it('changes the priority, and leaves what the key of the job stands for', async () => {
    await using api = await openTestApi()
    const headers = { 'idempotency-key': 'k' }
    const { body } = await post(api, { ...request, priority: 5 }, headers)
    assert.equal(body.priority, 5)
    const changed = await patch(api, body.id, { priority: 0 })
    assert.deepEqual([changed.status, changed.body.priority], [200, 0])
    assert.equal(api.queued.at(-1), `priority 0 ${body.id}`)
    const again = await post(api, { ...request, priority: 5 }, headers)
    assert.deepEqual([again.status, again.body.priority], [202, 0])
  })

  it('refuses what is no priority, a job that ended, and one that never was', async () => {
    await using api = await openTestApi()
    const { id } = await create(api)
    for (const body of [{}, { priority: 8 }, { priority: '0' }, { priority: 1, vault: 'films' }]) {
      assert.equal((await patch(api, id, body)).status, 422, JSON.stringify(body))
    }
    await api.call('POST', `/v1/jobs/${id}/cancel`)
    const { status, body } = await patch(api, id, { priority: 1 })
    assert.deepEqual([status, body.code], [409, 'JOB_STATE_CONFLICT'])
    const unknown = '01890000-0000-7000-8000-000000000000'
    assert.equal((await patch(api, unknown, { priority: 1 })).status, 404)
  })
})

describe('vaults', () => {
  it('creates vaults and pages through them by name', async () => {
    await using api = await openTestApi()
    for (const name of ['c', 'a', 'b']) {
      const { status, body } = await api.call('PUT', `/v1/vaults/${name}`)
      assert.equal(status, 200)
      assert.deepEqual(body, { name })
    }
    const first = (await api.call('GET', '/v1/vaults?limit=2')).body
    assert.deepEqual(names(first.items, 'name'), ['a', 'b'])
    const { body } = await api.call('GET', `/v1/vaults?limit=2&cursor=${first.nextCursor}`)
    assert.deepEqual(names(body.items, 'name'), ['c'])
    assert.equal(body.nextCursor, null)
  })

  it('refuses a name that Glacier would refuse', async () => {
    await using api = await openTestApi()
    const { status, body } = await api.call('PUT', '/v1/vaults/%C3%A9')
    assert.equal(status, 422)
    assert.equal(body.errors?.[0]?.path, '/name')
  })
})
