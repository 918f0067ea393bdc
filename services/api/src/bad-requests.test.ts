import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { ProblemView } from '@firn/contracts'
import { authorization, openTestApi, TOKEN } from './open-test-api.ts'

const jobId = '01890000-0000-7000-8000-000000000000'
const body = JSON.stringify({ vault: 'v', source: { type: 'file', path: '/srv/archive/a' } })

/** Sends bytes as they are and reads until the server closes. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(text)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => undefined)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

function parseAnswer(text: string) {
  const [head = '', content = ''] = text.split('\r\n\r\n')
  assert.match(head, /content-type: application\/problem\+json/i)
  return {
    status: Number(head.split(' ')[1]),
    head,
    problem: ProblemView.parse(JSON.parse(content)),
  }
}

describe('a request without a valid token', () => {
  it('is refused with 401 and says how to ask', async () => {
    await using api = await openTestApi()
    const wrong = [
      undefined,
      '',
      'Bearer',
      'Bearer wrong',
      `Basic ${TOKEN}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN} ${TOKEN}`,
      'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.',
      `Bearer ${'x'.repeat(10_000)}`,
    ]
    for (const value of wrong) {
      for (const path of ['/v1/jobs', `/v1/jobs/${jobId}`, '/v1/nothing', '/v1/events']) {
        const headers = value === undefined ? {} : { authorization: value }
        const response = await fetch(`${api.url}${path}`, { headers })
        assert.equal(response.status, 401, `${path} with ${value}`)
        assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/)
        const text = await response.text()
        assert.equal(ProblemView.parse(JSON.parse(text)).code, 'TOKEN_MISSING_OR_WRONG')
        if (value?.includes(' ')) assert.ok(!text.includes(value))
      }
    }
  })
})

describe('an Idempotency-Key', () => {
  it('is refused when it is empty, long, unprintable or given twice', async () => {
    await using api = await openTestApi()
    const keys = ['', 'x'.repeat(256), 'a\tb', 'é']
    for (const key of keys) {
      const lines = [
        'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json',
        `Authorization: Bearer ${TOKEN}\r\nContent-Length: ${body.length}\r\nIdempotency-Key: ${key}`,
      ]
      const { status, problem } = parseAnswer(
        await exchange(api.port, `${lines.join('\r\n')}\r\n\r\n${body}`),
      )
      assert.equal(status, 400, JSON.stringify(key))
      assert.equal(problem.code, 'IDEMPOTENCY_KEY_INVALID')
    }
    const headers: [string, string][] = [
      ['authorization', authorization.authorization],
      ['content-type', 'application/json'],
      ['idempotency-key', 'a'],
      ['idempotency-key', 'b'],
    ]
    const twice = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const text = `POST /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${twice}Content-Length: ${body.length}\r\n\r\n${body}`
    assert.equal(
      parseAnswer(await exchange(api.port, text)).problem.code,
      'IDEMPOTENCY_KEY_INVALID',
    )
  })
})

describe('a request that is not HTTP as it should be', () => {
  const malformed: readonly (readonly [string, string, number])[] = [
    [
      'length and chunks at once',
      'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    [
      'two lengths',
      'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n',
      400,
    ],
    ['a negative length', 'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    [
      'an unknown transfer coding',
      'POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n',
      400,
    ],
    ['a folded header', 'GET /v1/jobs HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n', 400],
    ['a space before the colon', 'GET /v1/jobs HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n', 400],
    ['a bare line feed', 'GET /v1/jobs HTTP/1.1\nHost: x\n\n', 400],
    ['no Host', 'GET /v1/jobs HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['two Hosts', 'GET /v1/jobs HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n', 400],
    ['an unknown method', 'BREW /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['not HTTP at all', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['20 kB of one header', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'b'.repeat(20_000)}\r\n\r\n`, 431],
    ['20 kB of URL', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    [
      '300 headers',
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${'a: b\r\n'.repeat(300)}\r\n`,
      431,
    ],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n', 405],
  ]
  it('is answered with a problem and a closed connection', async (t) => {
    await using api = await openTestApi()
    for (const [name, text, status] of malformed) {
      await t.test(name, async () => {
        const answer = parseAnswer(await exchange(api.port, text))
        assert.equal(answer.status, status)
        assert.match(answer.head, /connection: close/i)
      })
    }
    assert.equal((await api.call('GET', '/healthz')).status, 200)
  })

  it('is answered when it expects what nobody knows', async () => {
    await using api = await openTestApi()
    const text =
      'GET /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: a miracle\r\n\r\n'
    const { status, problem } = parseAnswer(await exchange(api.port, text))
    assert.equal(status, 417)
    assert.equal(problem.code, 'EXPECTATION_UNKNOWN')
  })

  it('ends no process when its client is gone before the answer', async () => {
    await using api = await openTestApi()
    for (const [, text] of malformed) {
      const socket = connect(api.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(text)
      socket.resetAndDestroy()
    }
    assert.equal((await api.call('GET', '/healthz')).status, 200)
  })
})

describe('a path or method that is not there', () => {
  it('is not found', async () => {
    await using api = await openTestApi()
    const paths = [
      '/nothing',
      '//',
      '/v1',
      '/v1/',
      '/v1/jobs/',
      '/v1/jobs/..%2f',
      '/V1/jobs',
      '/v1/jobs/x/y',
      '/%00',
      '/v1/jobs/%00/parts/1',
    ]
    for (const path of paths) {
      const { status, body: problem } = await api.call('GET', path)
      assert.equal(status, 404, path)
      assert.ok(problem.code === 'ROUTE_NOT_FOUND' || problem.code === 'JOB_NOT_FOUND', path)
    }
    for (const path of ['/v1/jobs/%E0%A4%A', '/v1/vaults/%']) {
      assert.equal((await api.call('GET', path)).body.code, 'REQUEST_MALFORMED')
    }
  })

  it('is refused with the methods that are', async () => {
    await using api = await openTestApi()
    const rows = [
      ['DELETE', '/v1/jobs', 'POST, GET, HEAD'],
      ['PUT', '/v1/jobs', 'POST, GET, HEAD'],
      ['PROPFIND', '/v1/jobs', 'POST, GET, HEAD'],
      ['OPTIONS', '/v1/jobs', 'POST, GET, HEAD'],
      ['PUT', `/v1/jobs/${jobId}`, 'GET, PATCH, HEAD'],
      ['GET', `/v1/jobs/${jobId}/cancel`, 'POST'],
      ['POST', '/healthz', 'GET, HEAD'],
      ['DELETE', '/v1/vaults/a', 'PUT'],
    ] as const
    for (const [method, path, allow] of rows) {
      const { status, headers, body: problem } = await api.call(method, path)
      assert.equal(status, 405, `${method} ${path}`)
      assert.equal(headers.get('allow'), allow)
      assert.equal(problem.code, 'METHOD_NOT_ALLOWED')
    }
    const trace = `TRACE /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`
    assert.equal(parseAnswer(await exchange(api.port, trace)).status, 405)
  })

  it('is a job that cannot be: not found, without asking the store', async () => {
    await using api = await openTestApi()
    const ids = [
      'a:b',
      '123',
      "1'; DROP TABLE jobs",
      '*',
      'é',
      jobId.toUpperCase().replace('0', 'A'),
      'x'.repeat(8000),
      '__proto__',
      'constructor',
    ]
    for (const id of ids) {
      for (const [method, rest] of [
        ['GET', ''],
        ['GET', '/parts'],
        ['GET', '/events'],
        ['POST', '/cancel'],
      ] as const) {
        const answer = await api.call(method, `/v1/jobs/${encodeURIComponent(id)}${rest}`)
        assert.equal(answer.status, 404, id)
        assert.equal(answer.body.code, 'JOB_NOT_FOUND')
      }
    }
  })
})

describe('a query', () => {
  it('is refused when a parameter is unknown, repeated or out of range', async () => {
    await using api = await openTestApi()
    const queries = [
      'limit=0',
      'limit=-1',
      'limit=1000000000',
      'limit=abc',
      'limit=',
      'limit=1&limit=2',
      'limit=201',
      'cursor=forged',
      'cursor=',
      'cursor=%00',
      `cursor=${'x'.repeat(600)}`,
      'state=nope',
      'state=queued&state=failed',
      'vault=..',
      'label=nocolon',
      'label=%ED%A0%80',
      `a${'[b]'.repeat(1000)}=1`,
      '__proto__=1',
      'constructor=1',
      'vualt=a',
      Array.from({ length: 17 }, () => 'label=a:b').join('&'),
    ]
    for (const query of queries) {
      const { status, body: problem } = await api.call('GET', `/v1/jobs?${query}`)
      assert.equal(status, 400, query)
      assert.equal(problem.code, 'PARAMETER_INVALID')
      assert.ok((problem.errors?.length ?? 0) > 0, query)
    }
    assert.equal((await api.call('GET', `/v1/jobs/${jobId}?verbose=1`)).status, 400)
  })

  it('is refused when its cursor was cut short or belongs to another list', async () => {
    await using api = await openTestApi()
    const headers = { 'content-type': 'application/json' }
    for (let count = 0; count < 3; count += 1) await api.call('POST', '/v1/jobs', { headers, body })
    const { body: page } = await api.call('GET', '/v1/jobs?limit=1')
    const cursor = page.nextCursor ?? ''
    assert.equal((await api.call('GET', `/v1/jobs?cursor=${cursor}`)).status, 200)
    assert.equal((await api.call('GET', `/v1/jobs?cursor=${cursor.slice(0, -1)}`)).status, 400)
    assert.equal((await api.call('GET', `/v1/vaults?cursor=${cursor}`)).status, 400)
  })
})
