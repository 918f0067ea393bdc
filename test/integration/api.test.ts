import assert from 'node:assert/strict'
import { readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { JobListView, JobView, ProblemView, StateEventView } from '@firn/contracts'
import { startRedis, until } from '@firn/testing'
import { Redis } from 'ioredis'
import { authorization, openApiProcess, scratchDirectory, spawnApi } from './open-api-process.ts'

async function openStack() {
  await using resources = new AsyncDisposableStack()
  const redis = resources.use(await startRedis({ appendfsync: 'always' }))
  const scratch = resources.use(await scratchDirectory())
  const options = { redisUrl: redis.url, dataDir: scratch.path }
  const api = resources.use(await openApiProcess(options))
  const owned = resources.move()
  return {
    api,
    redis,
    journal: join(scratch.path, 'journal'),
    openAnother: () => openApiProcess(options),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const jobOf = async (response: Response) => JobView.parse(await response.json())
const problemOf = async (response: Response) => ProblemView.parse(await response.json())

async function definitionsIn(journal: string): Promise<readonly string[]> {
  return (await readdir(journal, { recursive: true })).filter((name) =>
    /^.\/[^/]+\.json$/.test(name),
  )
}

/** How many jobs wait in BullMQ's queue of openings. */
async function countQueued(url: string): Promise<number> {
  const redis = new Redis(url)
  try {
    const keys = await redis.keys('*open*prioritized')
    const counts = await Promise.all(keys.map((key) => redis.zcard(key)))
    return counts.reduce((sum, count) => sum + count, 0)
  } finally {
    redis.disconnect()
  }
}

describe('the API over Redis and a journal', () => {
  it('makes one job of fifty equal requests at once to two processes', async () => {
    await using stack = await openStack()
    await using other = await stack.openAnother()
    const key = { 'idempotency-key': 'once' }
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? stack.api : other).postJob({}, key)),
    )
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]))
    const jobs = await Promise.all(answers.map(jobOf))
    assert.equal(new Set(jobs.map(({ id }) => id)).size, 1)
    const list = JobListView.parse(await (await other.get('/v1/jobs')).json())
    assert.equal(list.items.length, 1)
    assert.equal((await definitionsIn(stack.journal)).length, 1)
    assert.equal(await countQueued(stack.redis.url), 1)
    const reused = await other.postJob({ vault: 'films' }, key)
    assert.equal(reused.status, 422)
    assert.equal((await problemOf(reused)).code, 'IDEMPOTENCY_KEY_REUSED')
  })

  it('pages through all jobs exactly once', async () => {
    await using stack = await openStack()
    const made = await Promise.all(
      Array.from({ length: 25 }, async () => jobOf(await stack.api.postJob())),
    )
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const query = cursor === '' ? 'limit=10' : `limit=10&cursor=${cursor}`
      const list: JobListView = JobListView.parse(
        await (await stack.api.get(`/v1/jobs?${query}`)).json(),
      )
      seen.push(...list.items.map(({ id }) => id))
      cursor = list.nextCursor
    }
    assert.deepEqual(seen.toSorted(), made.map(({ id }) => id).toSorted())
  })

  it('streams what another process does, and what was missed after Last-Event-ID', async () => {
    await using stack = await openStack()
    await using other = await stack.openAnother()
    const { id } = await jobOf(await stack.api.postJob())
    const listen = async (lastEventId: string | null) => {
      const headers = { ...authorization, ...(lastEventId && { 'last-event-id': lastEventId }) }
      const response = await fetch(`${stack.api.url}/v1/jobs/${id}/events`, { headers })
      return readStates(response)
    }
    const first = await listen(null)
    assert.equal((await first.next()).value?.state, 'queued')
    const command = (name: string) =>
      fetch(`${other.url}/v1/jobs/${id}/${name}`, { method: 'POST', headers: authorization })
    await command('pause')
    const paused = (await first.next()).value
    assert.equal(paused?.state, 'paused')
    await first.return(undefined)
    await command('resume')
    await command('cancel')
    const second = await listen(paused?.id ?? null)
    assert.equal((await second.next()).value?.state, 'queued')
    assert.equal((await second.next()).value?.state, 'cancelled')
    stack.api.kill('SIGTERM')
    assert.equal((await second.next()).done, true)
    assert.equal(await stack.api.exitCode(), 0)
  })
})

async function* readStates(response: Response) {
  let rest = ''
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, id, data] = /^id: (.*)\nevent: state\ndata: (.*)$/.exec(block) ?? []
      if (id !== undefined && data !== undefined) {
        yield { id, ...StateEventView.parse(JSON.parse(data)) }
      }
    }
  }
}

describe('the API while something it needs is away', () => {
  it('answers 503 while Redis is frozen, and one job comes of it all the same', async () => {
    await using stack = await openStack()
    const key = { 'idempotency-key': 'through-the-frost' }
    assert.equal((await stack.api.get('/readyz')).status, 200)
    await stack.redis.kill('SIGSTOP')
    const refused = await stack.api.postJob({}, key)
    assert.equal(refused.status, 503)
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
    assert.equal((await problemOf(refused)).code, 'STORE_UNAVAILABLE')
    assert.equal((await stack.api.get('/readyz')).status, 503)
    assert.equal((await stack.api.get('/healthz')).status, 200)
    await stack.redis.kill('SIGCONT')
    await until(async () => (await stack.api.postJob({}, key)).status === 202, {
      timeoutMs: 20_000,
    })
    const list = JobListView.parse(await (await stack.api.get('/v1/jobs')).json())
    assert.equal(list.items.length, 1)
  })

  it('answers 503 while Redis is down and goes on by itself when it is back', async () => {
    await using stack = await openStack()
    const { id } = await jobOf(await stack.api.postJob())
    await stack.redis.kill('SIGKILL')
    await until(async () => (await stack.api.get('/readyz')).status === 503, { timeoutMs: 10_000 })
    const refused = await stack.api.get(`/v1/jobs/${id}`)
    assert.equal(refused.status, 503)
    assert.equal((await problemOf(refused)).code, 'STORE_UNAVAILABLE')
    await stack.redis.restart()
    await until(async () => (await stack.api.get('/readyz')).status === 200, { timeoutMs: 20_000 })
    assert.equal((await jobOf(await stack.api.get(`/v1/jobs/${id}`))).id, id)
  })

  it('accepts nothing that it cannot journal', async () => {
    await using stack = await openStack()
    await rename(stack.journal, `${stack.journal}-away`)
    const refused = await stack.api.postJob()
    assert.equal(refused.status, 503)
    assert.equal((await problemOf(refused)).code, 'JOURNAL_UNAVAILABLE')
    assert.equal((await stack.api.get('/readyz')).status, 503)
    assert.deepEqual(JobListView.parse(await (await stack.api.get('/v1/jobs')).json()).items, [])
    await rename(`${stack.journal}-away`, stack.journal)
    assert.equal((await stack.api.get('/readyz')).status, 200)
    assert.equal((await stack.api.postJob()).status, 202)
  })

  it('says that Glacier is away without becoming unready', async () => {
    await using stack = await openStack()
    const refused = await stack.api.get('/v1/vaults')
    assert.equal(refused.status, 502)
    assert.equal((await problemOf(refused)).code, 'GLACIER_UNAVAILABLE')
    assert.equal((await stack.api.get('/readyz')).status, 200)
  })
})

describe('the API process', () => {
  it('does not start without a token and says what to do', async () => {
    const api = spawnApi({})
    assert.equal(await api.exitCode(), 1)
    assert.match(api.output(), /"level":"fatal".*API_TOKEN is not set.*openssl rand -hex 32/)
  })

  it('finishes requests under way after SIGTERM and exits with 0', async () => {
    await using stack = await openStack()
    const requests = Array.from({ length: 20 }, () => stack.api.postJob())
    await Promise.race(requests)
    stack.api.kill('SIGTERM')
    const answers = await Promise.allSettled(requests)
    assert.equal(await stack.api.exitCode(), 0)
    const accepted = answers.filter((one) => one.status === 'fulfilled' && one.value.status === 202)
    assert.ok(accepted.length > 0)
    // What was answered is in the journal, whatever else is.
    assert.ok((await definitionsIn(stack.journal)).length >= accepted.length)
  })

  it('keeps tokens and passwords out of its log', async () => {
    await using stack = await openStack()
    await stack.api.postJob()
    await stack.redis.kill('SIGKILL')
    await stack.api.postJob()
    await until(() => stack.api.output().includes('request failed'), { timeoutMs: 10_000 })
    assert.doesNotMatch(stack.api.output(), new RegExp(authorization.authorization))
    assert.doesNotMatch(stack.api.output(), /integration-test-token/)
  })
})
