import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { AppError } from '@firn/core'
import { createMemoryJobStore, type JobStore } from '@firn/store'
import { openTestApi, TOKEN } from './open-test-api.ts'

const request = {
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ vault: 'v', source: { type: 'file', path: '/srv/archive/a' } }),
}

describe('while the store is away', () => {
  const away = async (): Promise<never> => {
    throw new AppError('STORE_UNAVAILABLE', 'Cannot create job: no answer', {
      cause: new Error('connect ECONNREFUSED redis://user:hunter2@10.0.0.7'),
    })
  }
  const memory = createMemoryJobStore()
  const store: JobStore = {
    ...memory,
    create: away,
    list: away,
    countByState: away,
    lastEventId: away,
  }

  it('answers 503 with Retry-After and keeps the cause to itself', async () => {
    await using api = await openTestApi({ store })
    for (const [method, path, init] of [
      ['POST', '/v1/jobs', request],
      ['GET', '/v1/jobs', {}],
      ['GET', '/v1/events', {}],
    ] as const) {
      const { status, headers, body } = await api.call(method, path, init)
      assert.equal(status, 503, path)
      assert.equal(body.code, 'STORE_UNAVAILABLE')
      assert.ok(Number(headers.get('retry-after')) > 0)
      assert.doesNotMatch(JSON.stringify(body), /hunter2|10\.0\.0\.7/)
    }
  })

  it('is alive, not ready, and reports no numbers from before', async () => {
    let isAway = false
    const countByState: JobStore['countByState'] = (signal) =>
      isAway ? away() : memory.countByState(signal)
    await using api = await openTestApi({ store: { ...store, countByState } })
    const before = await (await fetch(`${api.url}/metrics`)).text()
    assert.match(before, /^firn_jobs\{state="queued"\} 0$/m)
    isAway = true
    assert.equal((await fetch(`${api.url}/healthz`)).status, 200)
    assert.equal((await fetch(`${api.url}/readyz`)).status, 503)
    const metrics = await (await fetch(`${api.url}/metrics`)).text()
    assert.match(metrics, /^# TYPE firn_jobs gauge/m)
    assert.doesNotMatch(metrics, /^firn_jobs\{/m)
  })
})

describe('while a store that lost everything is being rebuilt', () => {
  it('does not call a job unknown', async () => {
    const store = createMemoryJobStore()
    await using api = await openTestApi({ store })
    const path = '/v1/jobs/01890000-0000-7000-8000-000000000000'
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/parts'],
      ['GET', '/events'],
      ['POST', '/cancel'],
    ] as const) {
      const { status, body } = await api.call(method, `${path}${rest}`)
      assert.equal(status, 503, rest)
      assert.equal(body.code, 'STORE_UNAVAILABLE')
    }
    const { signal } = new AbortController()
    await store.putMark(await store.beginMark(signal), signal)
    assert.equal((await api.call('POST', `${path}/cancel`)).status, 404)
  })
})

describe('while the store does not answer and heeds no signal', () => {
  const frozen = (): Promise<never> => new Promise(() => undefined)
  const store: JobStore = { ...createMemoryJobStore(), create: frozen, lastEventId: frozen }

  it('answers 503 at the deadline', async () => {
    await using api = await openTestApi({ store, deadlineMs: 20 })
    const { status, body } = await api.call('POST', '/v1/jobs', request)
    assert.equal(status, 503)
    assert.equal(body.code, 'DEADLINE_EXCEEDED')
  })

  it('is not ready before a probe gives up', async () => {
    await using api = await openTestApi({ store })
    const signal = AbortSignal.timeout(2000)
    assert.equal((await fetch(`${api.url}/readyz`, { signal })).status, 503)
  })
})

describe('a bug', () => {
  it('is a 500 that says nothing of it', async () => {
    const load = async (): Promise<never> => {
      throw new Error('secret detail')
    }
    await using api = await openTestApi({ store: { ...createMemoryJobStore(), load } })
    const path = '/v1/jobs/01890000-0000-7000-8000-000000000000'
    const { status, body } = await api.call('GET', path)
    assert.equal(status, 500)
    assert.equal(body.code, 'INTERNAL')
    assert.doesNotMatch(JSON.stringify(body), /secret detail/)
  })
})

describe('while the process stops', () => {
  it('finishes what is under way, refuses what comes after and closes', async () => {
    const memory = createMemoryJobStore()
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const create: JobStore['create'] = async (...input) => {
      reach()
      await held
      return await memory.create(...input)
    }
    await using api = await openTestApi({ store: { ...memory, create } })

    const idle = connect(api.port, '127.0.0.1')
    await once(idle, 'connect')
    const running = api.call('POST', '/v1/jobs', request)
    // On a connection that is open already, with a request that the server has begun to read.
    const late = connect(api.port, '127.0.0.1')
    await once(late, 'connect')
    late.write('GET /v1/jobs HTTP/1.1\r\nHost: x\r\n')
    await reached

    api.stop()
    assert.equal(
      (await fetch(`${api.url}/readyz`).catch(() => null))?.status ?? 'refused',
      'refused',
    )
    late.write(`Authorization: Bearer ${TOKEN}\r\n\r\n`)
    const [answer]: unknown[] = await once(late, 'data')
    assert.match(String(answer), /^HTTP\/1\.1 503 /)
    assert.match(String(answer), /connection: close/i)
    assert.match(String(answer), /SHUTTING_DOWN/)

    release()
    assert.equal((await running).status, 202)
    idle.destroy()
  })
})
