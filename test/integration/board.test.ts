import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it } from 'node:test'
import { createBoard } from '@firn/board'
import { ProblemView } from '@firn/contracts'
import { createJobQueues } from '@firn/queue'
import { openRedis } from '@firn/redis'
import { aJobId, type StartRedisOptions, startRedis, until } from '@firn/testing'
import { z } from 'zod'
import { counts, failure, fillQueues } from './board-queues.ts'
import { openApiProcess, scratchDirectory, TOKEN } from './open-api-process.ts'

const { signal } = new AbortController()
const headers = { authorization: `Basic ${Buffer.from(`ann:${TOKEN}`).toString('base64')}` }

/** What the page is told about the queues, as far as tests look at it. */
const Queues = z.object({
  queues: z.array(
    z.object({
      name: z.string(),
      readOnlyMode: z.boolean(),
      counts: z.record(z.string(), z.number()),
      jobs: z.array(
        z.object({ id: z.string(), data: z.unknown(), failedReason: z.string().optional() }),
      ),
    }),
  ),
})

async function openStack() {
  await using resources = new AsyncDisposableStack()
  const redis = resources.use(await startRedis())
  const scratch = resources.use(await scratchDirectory())
  const options = { redisUrl: redis.url, dataDir: scratch.path }
  const api = resources.use(await openApiProcess(options))
  const owned = resources.move()
  return {
    api,
    redis,
    ask: (path: string, method = 'GET') => fetch(`${api.url}/queues${path}`, { method, headers }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** The board alone, without the API that guards it. */
async function openBareBoard(options: StartRedisOptions = {}) {
  await using resources = new AsyncDisposableStack()
  const redis = resources.use(await startRedis(options))
  const scheme = options.isCluster ? 'redis+cluster' : 'redis'
  const url = `${scheme}://127.0.0.1:${redis.port}`
  const { client } = resources.use(await openRedis({ url, role: 'producer' }, signal))
  const board = resources.use(createBoard({ redis: client, basePath: '' }))
  const server = createServer((req, res) =>
    board.serve(req, res, (error) => {
      res.statusCode = error === undefined ? 404 : 500
      res.end(String(error))
    }),
  )
  resources.use(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const owned = resources.move()
  return {
    client,
    url: redis.url,
    ask: (path: string, init: RequestInit = {}) =>
      fetch(`http://127.0.0.1:${address.port}${path}`, init),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** All that a Redis holds, but the locks that runs prolong. */
async function contentsOf(client: Awaited<ReturnType<typeof openBareBoard>>['client']) {
  const keys = (await client.keys('*')).filter((key) => !/:lock$|:stalled-check$/.test(key)).sort()
  return await Promise.all(
    keys.map(async (key) => [key, (await client.dumpBuffer(key))?.toString('hex')]),
  )
}

/** Every path under which the page asks for data about a part. */
const pathsOf = (jobId: string) => [
  '/',
  '/queue/parts',
  `/queue/parts/${jobId}`,
  '/api/redis/stats',
  '/api/queues',
  '/api/queues?activeQueue=parts&status=latest&page=1&jobsPerPage=10',
  '/api/queues?activeQueue=parts&status=prioritized&page=2&jobsPerPage=10',
  '/api/job-schedulers',
  '/api/queues/parts/metrics',
  '/api/queues/parts/default-job-options',
  '/api/queues/parts/rate-limit',
  '/api/queues/parts/job-data-schema',
  `/api/queues/parts/${jobId}`,
  `/api/queues/parts/${jobId}/logs`,
  `/api/queues/parts/${jobId}/flow`,
]

describe('the queues of a running API', { timeout: 120_000 }, () => {
  it('are counted right, state by state, with what failed and why', async () => {
    await using stack = await openStack()
    await using _work = await fillQueues(stack.redis.url)
    const { queues } = Queues.parse(await (await stack.ask('/api/queues')).json())
    assert.deepEqual(queues.map(({ name }) => name).sort(), ['finalize', 'open', 'parts'])
    for (const [name, wanted] of Object.entries(counts)) {
      const queue = queues.find((one) => one.name === name)
      const expected = { ...wanted, waiting: 0, failed: 0, completed: 0, 'waiting-children': 0 }
      assert.deepEqual(queue?.counts, expected, name)
      assert.equal(queue.readOnlyMode, true)
    }
    const delayed = await stack.ask('/api/queues?activeQueue=parts&status=delayed')
    const parts = Queues.parse(await delayed.json()).queues.find(({ name }) => name === 'parts')
    assert.equal(parts?.jobs.length, 1)
    assert.equal(parts?.jobs[0]?.failedReason, failure)
    assert.deepEqual(Object.keys(parts?.jobs[0]?.data ?? {}).sort(), [
      'generation',
      'index',
      'jobId',
    ])
  })

  it('come with pages and assets, all of them for who has a token only', async () => {
    await using stack = await openStack()
    for (const path of ['', '/', '/queue/parts']) {
      const response = await stack.ask(path)
      assert.equal(response.status, 200, path)
      assert.match(response.headers.get('content-type') ?? '', /^text\/html/)
      const html = await response.text()
      assert.match(html, /<base href="\/queues\/"/)
      const assets = [...html.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map(([, url]) => url)
      assert.ok(assets.length >= 5, `${assets}`)
      for (const asset of assets) {
        const url = `${stack.api.url}/queues/${asset}`
        assert.equal((await fetch(url)).status, 401)
        const answer = await fetch(url, { headers })
        assert.equal(answer.status, 200)
        assert.equal(answer.headers.get('x-powered-by'), null)
        assert.ok((await answer.arrayBuffer()).byteLength > 100)
      }
    }
    for (const path of ['/static/../../package.json', '/static/%2e%2e/index.ejs', '/nope']) {
      const problem = ProblemView.parse(await (await stack.ask(path)).json())
      assert.match(problem.code, /^(ROUTE_NOT_FOUND|TOKEN_MISSING_OR_WRONG)$/, path)
    }
    for (const path of ['/api/queues?activeQueue=%25', '/api/queues/%zz/1']) {
      assert.equal((await stack.ask(path)).status, 400, path)
    }
  })

  it('are away with Redis and back with it, also when first asked for meanwhile', async () => {
    await using stack = await openStack()
    await stack.redis.kill('SIGKILL')
    for (const path of ['/api/queues', '/api/redis/stats', '/api/queues/parts/1.1.1']) {
      const response = await stack.ask(path)
      assert.equal(response.status, 503, path)
      const problem = ProblemView.parse(await response.json())
      assert.match(problem.code, /^(QUEUE_UNAVAILABLE|DEADLINE_EXCEEDED)$/)
      assert.doesNotMatch(JSON.stringify(problem), /127\.0\.0\.1|ECONN/)
    }
    assert.equal((await stack.ask('/')).status, 200, 'the page itself needs no Redis')
    await stack.redis.restart()
    await until(async () => (await stack.ask('/api/queues')).ok, { timeoutMs: 30_000 })
    await stack.redis.kill('SIGSTOP')
    assert.equal((await stack.ask('/api/queues')).status, 503)
    await stack.redis.kill('SIGCONT')
    await until(async () => (await stack.ask('/api/queues')).ok, { timeoutMs: 30_000 })
    stack.api.kill('SIGTERM')
    assert.equal(await stack.api.exitCode(), 0)
  })
})

describe('the board alone', { timeout: 120_000 }, () => {
  it('changes nothing in Redis, whatever it is asked for', async () => {
    await using board = await openBareBoard()
    await using _work = await fillQueues(board.url)
    const [part = ''] = await board.client.zrange('{firn}:parts:prioritized', '0', '0')
    const before = await contentsOf(board.client)
    assert.ok(before.length > 40)
    // One that is made late finds what producers have noted, and leaves that alone.
    await using _late = createBoard({ redis: board.client, basePath: '' })
    for (const path of pathsOf(part)) assert.equal((await board.ask(path)).status, 200, path)
    assert.deepEqual(await contentsOf(board.client), before)
  })

  it('refuses to write by itself, too', async () => {
    await using board = await openBareBoard()
    await using _work = await fillQueues(board.url)
    const [part = ''] = await board.client.zrange('{firn}:parts:prioritized', '0', '0')
    const before = await contentsOf(board.client)
    const queue = '/api/queues/parts'
    const job = `${queue}/${part}`
    const json = { 'content-type': 'application/json' }
    for (const [method, path, body] of [
      ['PUT', '/api/queues/pause', {}],
      ['PUT', '/api/queues/resume', {}],
      ['POST', `${queue}/add`, { name: 'part', data: {}, options: {} }],
      ['PUT', `${queue}/retry/failed`, {}],
      ['PUT', `${queue}/promote`, {}],
      ['PUT', `${queue}/clean/delayed`, {}],
      ['PUT', `${queue}/pause`, {}],
      ['PUT', `${queue}/resume`, {}],
      ['PUT', `${queue}/concurrency`, { concurrency: 1 }],
      ['PUT', `${queue}/rate-limit`, { max: 1, duration: 1000 }],
      ['PUT', `${queue}/rate-limit/release`, {}],
      ['PUT', `${queue}/empty`, {}],
      ['PUT', `${queue}/obliterate`, { force: true }],
      ['PUT', `${queue}/job-schedulers/x/remove`, {}],
      ['PUT', `${queue}/job-schedulers/x/run`, {}],
      ['PATCH', `${queue}/job-schedulers/x`, { every: 1000 }],
      ['PUT', `${job}/retry`, {}],
      ['PUT', `${job}/clean`, {}],
      ['PUT', `${job}/promote`, {}],
      ['PATCH', `${job}/update-data`, { jobData: {} }],
      ['PATCH', `${job}/delay`, { runAt: 1 }],
      ['PATCH', `${job}/priority`, { priority: 1 }],
      ['PUT', `${job}/remove-unprocessed-children`, {}],
    ] as const) {
      const { status } = await board.ask(path, {
        method,
        headers: json,
        body: JSON.stringify(body),
      })
      // Pausing and resuming all leaves out queues that are read-only, which is every one.
      assert.equal(status, /queues\/(pause|resume)$/.test(path) ? 200 : 405, `${method} ${path}`)
    }
    assert.deepEqual(await contentsOf(board.client), before)
  })

  it('reads a page of ten thousand jobs, however many are asked for', async () => {
    await using board = await openBareBoard()
    await using queues = createJobQueues({ redis: board.client })
    const indexes = Array.from({ length: 10_000 }, (_, index) => index)
    await queues.addParts({ jobId: aJobId(), generation: 1 }, indexes, 3, signal)
    const read = async (query: string) => {
      const response = await board.ask(`/api/queues?activeQueue=parts&${query}`)
      const parts = Queues.parse(await response.json()).queues.find(({ name }) => name === 'parts')
      assert.equal(parts?.counts.prioritized, 10_000)
      return parts.jobs
    }
    assert.equal((await read('status=prioritized&page=1&jobsPerPage=10')).length, 10)
    assert.equal((await read('status=prioritized&page=1000&jobsPerPage=10')).length, 10)
    assert.equal((await read('status=prioritized&page=1&jobsPerPage=1000000')).length, 300)
    assert.equal((await read('status=latest&jobsPerPage=1e6')).length, 300)
  })

  it('shows the queues of a cluster', async () => {
    await using board = await openBareBoard({ isCluster: true })
    await using queues = createJobQueues({ redis: board.client })
    await queues.addOpen({ jobId: aJobId(), generation: 1 }, 3, signal)
    const { queues: shown } = Queues.parse(await (await board.ask('/api/queues')).json())
    assert.equal(shown.find(({ name }) => name === 'open')?.counts.prioritized, 1)
    assert.equal((await board.ask('/api/redis/stats')).status, 200)
  })
})
