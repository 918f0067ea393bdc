import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMetrics } from './metrics.ts'
import { openProbeServer } from './probe-server.ts'

const open = (overrides: object = {}) =>
  openProbeServer({
    host: '127.0.0.1',
    port: 0,
    registry: createMetrics(),
    checkReady: async () => undefined,
    ...overrides,
  })

describe('openProbeServer()', () => {
  it('answers probes and metrics, and nothing else', async () => {
    await using server = await open()
    const get = (path: string, method = 'GET') =>
      fetch(`http://127.0.0.1:${server.port}${path}`, { method })
    assert.deepEqual(await (await get('/healthz')).json(), { status: 'ok' })
    assert.deepEqual(await (await get('/readyz?verbose')).json(), { status: 'ready' })
    const metrics = await get('/metrics')
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain/)
    assert.match(await metrics.text(), /^nodejs_eventloop_lag_p99_seconds /m)
    const accept = 'application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.4'
    const openMetrics = await fetch(metrics.url, { headers: { accept } })
    assert.match(openMetrics.headers.get('content-type') ?? '', /^application\/openmetrics-text/)
    assert.match(await openMetrics.text(), /^process_cpu_seconds_total [\d.]+\n(.*\n)*# EOF\n$/m)
    assert.equal((await get('/healthz', 'HEAD')).status, 200)
    assert.equal((await get('/other')).status, 404)
    assert.equal((await get('/constructor')).status, 404)
    const refused = await get('/readyz', 'POST')
    assert.equal(refused.status, 405)
    assert.equal(refused.headers.get('allow'), 'GET, HEAD')
  })

  it('is not ready when the check fails, never ends or the process is stopping', async () => {
    const stop = new AbortController()
    stop.abort()
    const rows = [
      { checkReady: () => Promise.reject(new Error('no store')) },
      { checkReady: () => new Promise<void>(() => undefined) },
      { stopping: stop.signal },
    ]
    for (const overrides of rows) {
      await using server = await open(overrides)
      const response = await fetch(`http://127.0.0.1:${server.port}/readyz`)
      assert.equal(response.status, 503)
      assert.deepEqual(await response.json(), { status: 'not ready' })
      assert.equal((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status, 200)
    }
  })

  it('rejects when its port is taken', async () => {
    await using server = await open()
    await assert.rejects(open({ port: server.port }), { code: 'EADDRINUSE' })
  })
})
