import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { AppError, createJobId } from '@firn/core'
import { openDirectoryJournal, openJournal } from '@firn/journal'
import { aDefinition, anUpload, aReceipt, type S3Server, startS3, until } from '@firn/testing'
import { isUnavailable, never, openS3World, PREFIX, requestLines } from './s3-journal-harness.ts'

const run = promisify(execFile)
const PROBE = `${PREFIX}conditional-write-probe`

async function messageOfFailedOpen(url: string): Promise<string> {
  const error = await openJournal(url, never).then(
    () => assert.fail('it was opened'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof AppError && error.code === 'JOURNAL_UNAVAILABLE')
  const { cause } = error
  return `${error.message}; ${cause instanceof Error ? cause.message : ''}`
}

describe('opening a journal in a bucket', () => {
  for (const isThere of [false, true]) {
    it(`is refused by a server that ignores If-None-Match, probe there before: ${isThere}`, async () => {
      await using world = await openS3World()
      if (isThere) await world.open()
      world.s3.setRules({ ignoresConditions: true })
      const message = await messageOfFailedOpen(`s3://${world.s3.bucket}/firn`)
      assert.match(message, /overwritten firn\/conditional-write-probe although it was told not to/)
      assert.match(message, /JOURNAL_URL=file:/)
    })
  }

  it('takes two requests the first time, and one from then on', async () => {
    await using world = await openS3World()
    await world.open()
    assert.equal(world.s3.requests.length, 2)
    await world.open()
    assert.equal(world.s3.requests.length, 3)
    assert.ok(
      world.s3.requests.every(({ key, headers }) => key === PROBE && headers['if-none-match']),
    )
  })

  it('says what is wrong with the bucket, the keys or the server', async () => {
    await using world = await openS3World()
    const url = `s3://${world.s3.bucket}/firn`
    const failing = async (status: number, code: string) => {
      const action = { type: 'error', status, code } as const
      world.s3.faults.add({ operation: 'PUT', action, count: 3 })
      const message = await messageOfFailedOpen(url)
      world.s3.faults.clear()
      return message
    }
    assert.match(await messageOfFailedOpen('s3://elsewhere/firn'), /there is no such bucket/)
    assert.match(await failing(403, 'AccessDenied'), /s3:PutObject, s3:GetObject/)
    assert.match(await failing(403, 'SignatureDoesNotMatch'), /credentials do not allow it/)
    assert.match(await failing(501, 'NotImplemented'), /AWS_REQUEST_CHECKSUM_CALCULATION/)
    assert.match(
      await failing(503, 'SlowDown'),
      /^Cannot open the journal s3:\/\/journals\/firn\/; /,
    )
    delete process.env.AWS_ACCESS_KEY_ID
    assert.match(await messageOfFailedOpen(url), /no usable AWS credentials/)
    delete process.env.AWS_REGION
    assert.match(await messageOfFailedOpen(url), /set AWS_REGION/)
  })

  it('goes on when the server asks for patience, and stops when it is told to', async () => {
    await using world = await openS3World()
    const busy = { type: 'error', status: 503, code: 'SlowDown' } as const
    world.s3.faults.add({ operation: 'PUT', action: busy, count: 2 })
    await using _journal = await openJournal(`s3://${world.s3.bucket}/firn`, never)
    world.s3.faults.add({ operation: 'PUT', action: { type: 'hang', isDone: false }, count: 9 })
    const stop = new AbortController()
    const opening = openJournal(`s3://${world.s3.bucket}/firn`, stop.signal)
    const reason = new Error('stopping')
    setTimeout(() => stop.abort(reason), 50)
    await assert.rejects(opening, reason)
  })

  it('sends a checksum unless the SDK is told not to, and signs the body anyway', async () => {
    await using world = await openS3World()
    const definition = aDefinition()
    await (await world.open()).putDefinition(definition, never)
    assert.ok(world.s3.requests.at(-1)?.headers['x-amz-checksum-crc32'])
    process.env.AWS_REQUEST_CHECKSUM_CALCULATION = 'WHEN_REQUIRED'
    try {
      const journal = await world.open()
      const other = aDefinition()
      await journal.putDefinition(other, never)
      assert.equal(world.s3.requests.at(-1)?.headers['x-amz-checksum-crc32'], undefined)
      for (const { id } of [definition, other]) assert.ok(await journal.load(id, never))
    } finally {
      delete process.env.AWS_REQUEST_CHECKSUM_CALCULATION
    }
  })

  it('finds a bucket that is in another region', async () => {
    await using world = await openS3World()
    process.env.AWS_REGION = 'us-west-2'
    const journal = await world.open()
    const definition = aDefinition()
    assert.equal(await journal.putDefinition(definition, never), definition)
    assert.notEqual(await journal.putDefinition({ ...definition }, never), definition)
    assert.deepEqual((await journal.load(definition.id, never))?.definition, definition)
    const more = Array.from({ length: 20 }, () => aDefinition())
    const kept = await Promise.all(more.map((one) => journal.putDefinition(one, never)))
    assert.ok(kept.every((one, index) => one === more[index]))
    const astray = world.s3.requests.filter(({ region }) => region === 'us-west-2')
    assert.equal(astray.length, 1)
  })

  it('reads a journal that was copied from a directory', async () => {
    await using world = await openS3World()
    const directory = await mkdtemp(join(tmpdir(), 'firn-journal-'))
    try {
      const before = await openDirectoryJournal({ directory })
      const definition = aDefinition()
      const { id: jobId } = definition
      await before.putDefinition(definition, never)
      await before.putUpload({ jobId, generation: 1, upload: anUpload() }, never)
      await before.putReceipt(aReceipt(definition), never)
      const files = await readdir(directory, { recursive: true, withFileTypes: true })
      for (const file of files.filter((one) => one.isFile())) {
        const path = join(file.parentPath, file.name)
        const body = await readFile(path)
        const object = { body, metadata: {}, hasChecksum: false }
        world.s3.objects.set(`${PREFIX}${relative(directory, path)}`, object)
      }
      const journal = await world.open()
      assert.deepEqual(await Array.fromAsync(journal.jobIds(never)), [jobId])
      assert.deepEqual(await journal.load(jobId, never), await before.load(jobId, never))
      // What was copied bears no id of a put, and is nobody's own.
      const again = { ...definition, vault: 'again' }
      assert.deepEqual(await journal.putDefinition(again, never), definition)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it("loads Amazon's client for a journal in a bucket only", async () => {
    await using s3 = await startS3()
    const directory = await mkdtemp(join(tmpdir(), 'firn-journal-'))
    const script = `
      import { openJournal } from '@firn/journal'
      import { createRequire } from 'node:module'
      const journal = await openJournal(process.env.JOURNAL_URL, new AbortController().signal)
      const loaded = Object.keys(createRequire(process.cwd() + '/x').cache)
      console.log(loaded.filter((file) => file.includes('@aws-sdk/client-s3')).length)
      await journal[Symbol.asyncDispose]()`
    const loads = async (JOURNAL_URL: string): Promise<number> => {
      const args = ['--input-type=module', '--eval', script]
      const env = { ...process.env, ...s3.env, JOURNAL_URL }
      return Number((await run(process.execPath, args, { env })).stdout)
    }
    try {
      assert.equal(await loads(`file:${directory}`), 0)
      assert.ok((await loads(`s3://${s3.bucket}/firn`)) > 0)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
})

describe('what a journal in a bucket costs', () => {
  it('is one request for a record, and no look before it', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const definition = aDefinition()
    const { id: jobId } = definition
    await journal.putDefinition(definition, never)
    await journal.putUpload({ jobId, generation: 1, upload: anUpload() }, never)
    await journal.putReceipt(aReceipt(definition), never)
    const at = `${PREFIX}${jobId.slice(-1)}/${jobId}`
    const puts = [`PUT ${at}.json`, `PUT ${at}/upload-1.json`, `PUT ${at}/receipt.json`]
    assert.deepEqual(requestLines(world.s3), puts)
    await journal.load(jobId, never)
    const loading = requestLines(world.s3).slice(3).sort()
    const gets = [`GET ${at}.json`, `GET ${at}/receipt.json`, `GET ${at}/upload-1.json`]
    assert.deepEqual(loading, [...gets, `LIST ${at}/`])
  })
})

describe('lists of a journal in a bucket', () => {
  /** As many jobs of one shard, each with a record besides its definition, put there by hand. */
  function plantJobs({ objects }: S3Server, count: number): readonly string[] {
    const body = Buffer.from('{}')
    return Array.from({ length: count }, (_, index) => {
      const random = Buffer.alloc(10)
      random.writeUInt32BE(index, 4)
      random[9] = 0xe7
      const id = createJobId(1000 + index, random)
      const object = { body, metadata: {}, hasChecksum: false }
      objects.set(`${PREFIX}7/${id}.json`, object)
      for (const name of ['upload-1', 'intent-1', 'receipt']) {
        objects.set(`${PREFIX}7/${id}/${name}.json`, object)
      }
      return id
    })
  }

  it('go through pages of thousands of names, two for a job', async () => {
    await using world = await openS3World()
    const planted = plantJobs(world.s3, 1200)
    const journal = await world.open()
    assert.deepEqual(await Array.fromAsync(journal.jobIds(never)), planted)
    const lists = requestLines(world.s3)
    // 2,400 names in one shard make three pages, and fifteen shards are empty.
    assert.equal(lists.length, 18)
    assert.equal(lists.filter((line) => line === `LIST ${PREFIX}7/`).length, 3)
  })

  it('are asked for again where they broke off', async () => {
    await using world = await openS3World({ pageMax: 50 })
    const planted = plantJobs(world.s3, 200)
    const journal = await world.open()
    for (const action of [
      { type: 'cut' },
      { type: 'error', status: 500, code: 'InternalError' },
    ] as const) {
      world.s3.faults.add({ operation: 'LIST', action, count: 1 })
    }
    const ids: string[] = []
    for await (const id of journal.jobIds(never)) {
      if (ids.push(id) % 60 === 0)
        world.s3.faults.add({ operation: 'LIST', action: { type: 'cut' } })
    }
    assert.deepEqual(ids, planted)
  })

  it('find every record of a job that has more than a page of them', async () => {
    await using world = await openS3World({ pageMax: 7 })
    const journal = await world.open()
    const definition = aDefinition()
    const { id: jobId } = definition
    await journal.putDefinition(definition, never)
    const generations = Array.from({ length: 30 }, (_, index) => index + 2)
    for (const generation of generations) {
      await journal.putGeneration({ jobId, generation, atMs: 1 }, never)
    }
    const entry = await journal.load(jobId, never)
    assert.deepEqual(
      entry?.generations.map(({ generation }) => generation),
      generations,
    )
  })
})

describe('a ping of a journal in a bucket', () => {
  const down = { operation: 'PUT', action: { type: 'reset', isDone: false }, count: 1e9 } as const

  it('costs a request now and then, however often it is asked', async () => {
    await using world = await openS3World()
    const journal = await world.open()
    const before = world.s3.requests.length
    for (let index = 0; index < 50; index += 1) await journal.ping(never)
    assert.equal(world.s3.requests.length, before)
    const eager = await world.open({ pingFreshMs: 0 })
    await eager.ping(never)
    const isAsked = () => world.s3.requests.length === before + 2
    await until(isAsked, { timeoutMs: 60_000 })
  })

  it('answers what was so a moment ago while it asks again, and no longer than that', async () => {
    await using world = await openS3World()
    const journal = await world.open({ pingFreshMs: 0, pingStaleMs: 3_600_000 })
    const strict = await world.open({ pingFreshMs: 0, pingStaleMs: 0, tries: 1 })
    world.s3.faults.add(down)
    await journal.ping(never)
    await assert.rejects(strict.ping(never), isUnavailable)
    world.s3.faults.clear()
    await strict.ping(never)
  })

  it('goes on for the next one when a probe does not wait for it', async () => {
    await using world = await openS3World()
    const journal = await world.open({ pingFreshMs: 0, pingStaleMs: 0 })
    const { promise: answer, resolve } = Promise.withResolvers<void>()
    world.s3.faults.add({ operation: 'PUT', action: { type: 'late', until: answer } })
    const reason = new Error('450 ms are over')
    const impatient = new AbortController()
    const pinging = journal.ping(impatient.signal)
    impatient.abort(reason)
    await assert.rejects(pinging, reason)
    await journal.ping(never)
    resolve()
  })
})
