import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, it } from 'node:test'
import { ProblemView } from '@firn/contracts'
import { AppError } from '@firn/core'
import type { ApiOptions } from './api.ts'
import { authorization, openTestApi, TOKEN } from './open-test-api.ts'

type Serve = Awaited<ReturnType<ApiOptions['loadBoard']>>['serve']
type Answer = (...args: Parameters<Serve>) => void | Promise<void>

const asPerson = { authorization: `Basic ${Buffer.from(`ann:${TOKEN}`).toString('base64')}` }

/** The API over a board that answers as told to, and remembers what it was asked. */
async function openWithBoard(answer: Answer, deadlineMs = 10_000) {
  const asked: string[] = []
  let loadCount = 0
  const api = await openTestApi({
    deadlineMs,
    loadBoard: async () => {
      loadCount += 1
      return {
        serve(req, res, next) {
          asked.push(`${req.method} ${req.url}`)
          Promise.resolve(answer(req, res, next)).catch(next)
        },
      }
    },
  })
  return {
    api,
    asked,
    loadCount: () => loadCount,
    ask: (path: string, init: RequestInit = { headers: asPerson }) =>
      fetch(`${api.url}${path}`, init),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  }
}

const page: Answer = (_req, res) => {
  res.setHeader('content-type', 'text/html')
  res.end('<h1>queues</h1>')
}

async function problemOf(response: Response): Promise<ProblemView> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  return ProblemView.parse(await response.json())
}

describe('GET /queues', () => {
  it('shows the board to who has a token, as a program or as a person', async () => {
    await using board = await openWithBoard(page)
    for (const headers of [authorization, asPerson]) {
      const response = await board.ask('/queues/queue/parts?status=active', { headers })
      assert.equal(response.status, 200)
      assert.equal(await response.text(), '<h1>queues</h1>')
    }
    assert.equal((await board.ask('/queues')).status, 200)
    assert.deepEqual(board.asked, [
      'GET /queue/parts?status=active',
      'GET /queue/parts?status=active',
      'GET /',
    ])
  })

  it('asks everybody else for a token, and a browser asks its user', async () => {
    await using board = await openWithBoard(page)
    const wrong = { authorization: `Basic ${Buffer.from(`${TOKEN}:wrong`).toString('base64')}` }
    for (const headers of [{}, wrong, { authorization: 'Bearer wrong' }]) {
      for (const path of ['/queues', '/queues/', '/queues/static/a.js', `/queues?token=${TOKEN}`]) {
        const response = await board.ask(path, { headers })
        assert.equal(response.status, 401, path)
        assert.match(response.headers.get('www-authenticate') ?? '', /^Basic realm="[^"]+"/)
        assert.equal((await problemOf(response)).code, 'TOKEN_MISSING_OR_WRONG')
      }
    }
    assert.equal(board.loadCount(), 0, 'nobody who may not see it makes it load')
  })

  it('is the only place that takes what a browser remembers: no other site can use it', async () => {
    await using board = await openWithBoard(page)
    for (const [method, path] of [
      ['GET', '/v1/jobs'],
      ['POST', '/v1/pause'],
      ['POST', '/v1/jobs'],
    ] as const) {
      const response = await board.ask(path, { method, headers: asPerson })
      assert.equal(response.status, 401, path)
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer /)
    }
  })

  it('refuses whatever could change something, before the board sees it', async () => {
    await using board = await openWithBoard(page)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'UNLOCK']) {
      for (const path of ['/queues', '/queues/api/queues/pause']) {
        const response = await board.ask(path, { method, headers: asPerson })
        assert.equal(response.status, 405, `${method} ${path}`)
        assert.equal(response.headers.get('allow'), 'GET, HEAD')
        assert.equal((await problemOf(response)).code, 'METHOD_NOT_ALLOWED')
      }
    }
    const headers = { ...asPerson, 'x-http-method-override': 'PUT' }
    assert.equal((await board.ask('/queues/api/queues/pause', { headers })).status, 200)
    assert.equal((await board.ask('/queues', { method: 'HEAD', headers: asPerson })).status, 200)
    assert.deepEqual(board.asked, ['GET /api/queues/pause', 'HEAD /'])
    assert.equal(board.loadCount(), 2)
  })

  it('lets the page run its own scripts and nothing else, and no site embed or cache it', async () => {
    await using board = await openWithBoard(page)
    const { headers } = await board.ask('/queues')
    const policy = headers.get('content-security-policy') ?? ''
    for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) {
      assert.ok(policy.split('; ').includes(rule), rule)
    }
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
    const asset = await board.ask('/queues/static/a.js')
    assert.equal(asset.headers.get('cache-control'), 'private, no-cache')
  })

  it('counts as one route, whatever is asked for', async () => {
    await using board = await openWithBoard(page)
    for (const path of ['', '/', '/queue/a', '/queue/b', '/static/c.js']) {
      await board.ask(`/queues${path}`)
    }
    await board.ask('/queues/d', {})
    const metrics = await (await board.ask('/metrics')).text()
    const routes = metrics.matchAll(/^firn_http_request_duration_seconds_count\{route="([^"]+)"/gm)
    const seen = new Set([...routes].map(([, route]) => route))
    assert.deepEqual([...seen].sort(), ['/queues'])
  })
})

describe('GET /queues, when it cannot be shown', () => {
  it('answers what the board has not got with 404', async () => {
    await using board = await openWithBoard((_req, _res, next) => next())
    const problem = await problemOf(await board.ask('/queues/nope'))
    assert.equal(problem.code, 'ROUTE_NOT_FOUND')
  })

  it('answers 503 while the queues cannot be read, without the reason', async () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:6379')
    await using board = await openWithBoard((_req, _res, next) =>
      next(new AppError('QUEUE_UNAVAILABLE', 'Cannot read the queues', { cause })),
    )
    const response = await board.ask('/queues/api/queues')
    assert.equal(response.status, 503)
    assert.ok(Number(response.headers.get('retry-after')) > 0)
    const problem = await problemOf(response)
    assert.equal(problem.code, 'QUEUE_UNAVAILABLE')
    assert.doesNotMatch(JSON.stringify(problem), /10\.0\.0\.7/)
  })

  it('answers 503 at the deadline, and hears an answer that comes later in peace', async () => {
    const { promise: late, resolve: answerNow } = Promise.withResolvers<void>()
    const { promise: answered, resolve: done } = Promise.withResolvers<void>()
    await using board = await openWithBoard(async (_req, res, next) => {
      await late
      try {
        res.setHeader('content-type', 'text/html')
      } catch (error) {
        next(error)
      }
      done()
    }, 20)
    assert.equal((await problemOf(await board.ask('/queues'))).code, 'DEADLINE_EXCEEDED')
    answerNow()
    await answered
    assert.equal((await board.ask('/healthz')).status, 200)
  })

  it('does not cut off an answer that has begun and takes its time', async () => {
    const { promise: isRead, resolve: goOn } = Promise.withResolvers<void>()
    await using board = await openWithBoard(async (_req, res) => {
      res.write('first, ')
      await isRead
      res.end('last')
    }, 20)
    const response = await board.ask('/queues/static/large.js')
    const reader = response.body?.getReader()
    assert.ok(reader)
    const first = await reader.read()
    // A request that begins later, and its deadline, show that this one's has passed.
    const begun = performance.now()
    while (performance.now() - begun < 60) await board.ask('/healthz')
    goOn()
    const rest = await reader.read()
    assert.equal(`${Buffer.from(first.value ?? [])}${Buffer.from(rest.value ?? [])}`, 'first, last')
  })

  it('does not take a body', async () => {
    await using board = await openWithBoard(page)
    const { hostname, port } = new URL(board.api.url)
    const sent = request({ hostname, port, path: '/queues', headers: asPerson })
    const status = new Promise((resolve) => {
      sent.on('response', (res) => {
        res.resume()
        resolve(res.statusCode)
      })
    })
    sent.setHeader('content-length', 2)
    sent.end('{}')
    assert.equal(await status, 400)
    assert.deepEqual(board.asked, [])
  })
})
