import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { operations } from '@firn/contracts'
import { z } from 'zod'
import { openTestApi } from './open-test-api.ts'
import { statusByCode } from './problem.ts'

const Document = z.object({
  openapi: z.literal('3.1.0'),
  paths: z.record(
    z.string(),
    z.record(z.string(), z.object({ responses: z.record(z.string(), z.unknown()) })),
  ),
})

describe('/openapi.json', () => {
  it('documents every route, and every route it documents is there', async () => {
    await using api = await openTestApi()
    const document = Document.parse(await (await fetch(`${api.url}/openapi.json`)).json())
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    const inContract = Object.values(operations).map(({ method, path }) => `${method} ${path}`)
    assert.deepEqual(documented.sort(), inContract.sort())
    for (const route of documented) {
      const [method = '', path = ''] = route.split(' ')
      const real = path
        .replace('{id}', '01890000-0000-7000-8000-000000000000')
        .replace('{name}', 'v')
      const headers = { authorization: 'Bearer wrong' }
      const response = await fetch(`${api.url}${real}`, { method: method.toUpperCase(), headers })
      await response.body?.cancel()
      assert.equal(response.status, path.startsWith('/v1') ? 401 : 200, route)
    }
  })

  it('refers to nothing that is not in it', async () => {
    await using api = await openTestApi()
    const text = await (await fetch(`${api.url}/openapi.json`)).text()
    const { components } = z
      .object({ components: z.object({ schemas: z.record(z.string(), z.unknown()) }) })
      .parse(JSON.parse(text))
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      assert.ok(Object.hasOwn(components.schemas, name), name)
    }
  })

  it('lists every status that a problem can have there', async () => {
    const documented = new Set(Object.values(operations).flatMap(({ problems }) => [...problems]))
    const known = new Set<number>(Object.values(statusByCode))
    for (const status of documented) assert.ok(known.has(status), String(status))
  })
})

describe('/docs', () => {
  it('is a page that loads nothing from elsewhere', async () => {
    await using api = await openTestApi()
    const response = await fetch(`${api.url}/docs`)
    assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
    assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/)
    const html = await response.text()
    assert.doesNotMatch(html, /(src|href)="(https?:)?\/\//)
    for (const { path } of Object.values(operations)) assert.ok(html.includes(path), path)
  })
})

describe('/metrics', () => {
  it('times requests by route template, never by id', async () => {
    await using api = await openTestApi()
    await api.call('GET', '/v1/jobs/01890000-0000-7000-8000-000000000000')
    await api.call('GET', '/nothing/01890000')
    const text = await (await fetch(`${api.url}/metrics`)).text()
    const count =
      /^firn_http_request_duration_seconds_count\{route="\/v1\/jobs\/\{id\}",method="GET",status="404"\} 1$/m
    assert.match(text, count)
    assert.match(text, /route="none",method="GET",status="404"/)
    assert.doesNotMatch(text, /01890000/)
    assert.match(text, /^firn_jobs\{state="queued"\} 0$/m)
    assert.match(text, /^nodejs_eventloop_lag_seconds /m)
  })
})
