import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, beforeEach, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { Glacier } from '@aws-sdk/client-glacier'
import { MIB, treeHash } from '@firn/core'
import { until } from '@firn/testing'
import {
  advanceClock,
  errorOf,
  readStats,
  scratchDir,
  sdkClient,
  send,
  setFaults,
  signedHeaders,
  someBytes,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

const run = promisify(execFile)
const target = { vaultName: 'v', accountId: '-' }
const DAY_MS = 24 * 60 * 60_000
let directory: Awaited<ReturnType<typeof scratchDir>>
let vault: VaultProcess
let glacier: Glacier

before(async () => {
  directory = await scratchDir()
  vault = await startVault(directory.path, { VAULT_CONTROL_PORT: '0', VAULT_BODY_IDLE_MS: '300' })
  glacier = sdkClient(vault.url)
  await glacier.createVault(target)
})
beforeEach(() => setFaults(vault))
after(async () => {
  glacier.destroy()
  await vault[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

function hexTree(bytes: Uint8Array): string {
  return treeHash(bytes).toString('hex')
}

async function anUpload(on = glacier): Promise<string> {
  const { uploadId } = await on.initiateMultipartUpload({ ...target, partSize: `${MIB}` })
  assert.ok(uploadId)
  return uploadId
}

async function put(uploadId: string, body: Uint8Array, index = 0, on = glacier) {
  const start = index * MIB
  const range = `bytes ${start}-${start + body.length - 1}/*`
  return on.uploadMultipartPart({ ...target, uploadId, range, body })
}

async function complete(uploadId: string, data: Uint8Array, on = glacier) {
  const claim = { archiveSize: `${data.length}`, checksum: hexTree(data) }
  return on.completeMultipartUpload({ ...target, uploadId, ...claim })
}

async function listedParts(uploadId: string) {
  return (await glacier.listParts({ ...target, uploadId })).Parts?.length
}

const data = someBytes(MIB, 1)
const reset = { code: 'ECONNRESET' }

describe('fault rules', () => {
  it('answer with an error of Glacier, as often as told, after letting some pass', async () => {
    const uploadId = await anUpload()
    await setFaults(vault, {
      operation: 'UploadMultipartPart',
      action: 'error',
      code: 'ServiceUnavailableException',
      skip: 1,
      count: 2,
    })
    const outcomes: string[] = []
    for (let count = 0; count < 4; count += 1) {
      outcomes.push(
        await put(uploadId, data).then(
          () => 'ok',
          (error: Error) => error.name,
        ),
      )
    }
    assert.deepEqual(outcomes, [
      'ok',
      'ServiceUnavailableException',
      'ServiceUnavailableException',
      'ok',
    ])
  })

  it('throttle with status 400', async () => {
    await setFaults(vault, { operation: '*', action: 'throttle' })
    await assert.rejects(glacier.listVaults({ accountId: '-' }), (error) => {
      assert.ok(error instanceof Error && '$metadata' in error)
      assert.equal(error.name, 'ThrottlingException')
      assert.equal(error.message, 'Rate exceeded')
      return true
    })
    const answer = await send(vault.url, { method: 'GET', path: '/-/vaults' })
    assert.equal(answer.status, 400)
  })

  it('answer as a broken proxy would', async () => {
    const rule = { operation: '*', action: 'error', status: 503, body: '<html>no</html>' }
    await setFaults(vault, rule)
    const answer = await send(vault.url, { method: 'GET', path: '/-/vaults' })
    assert.equal(answer.status, 503)
    assert.equal(answer.headers['content-type'], 'text/html')
    assert.equal(answer.body.toString(), '<html>no</html>')
  })

  it('reset the connection before, during and after the commit of a part', async () => {
    for (const [rule, stored] of [
      [{ action: 'reset' }, 0],
      [{ action: 'reset', afterBytes: 1000 }, 0],
      [{ action: 'commit-then-reset' }, 1],
    ] as const) {
      const uploadId = await anUpload()
      await setFaults(vault, { operation: 'UploadMultipartPart', ...rule })
      await assert.rejects(put(uploadId, data), reset)
      assert.equal(await listedParts(uploadId), stored, JSON.stringify(rule))
    }
  })

  it('lose the answer to Complete, which a repetition then gets', async () => {
    const uploadId = await anUpload()
    await put(uploadId, data)
    await setFaults(vault, {
      operation: 'CompleteMultipartUpload',
      action: 'commit-then-reset',
      count: 2,
    })
    await assert.rejects(complete(uploadId, data), reset)
    await assert.rejects(complete(uploadId, data), reset)
    const { archiveId } = await complete(uploadId, data)
    assert.ok(archiveId)
    assert.equal((await glacier.describeVault(target)).NumberOfArchives, 1)
    await glacier.deleteArchive({ ...target, archiveId })
  })

  it('leave an orphan behind a lost answer to Initiate', async () => {
    const rule = { operation: 'InitiateMultipartUpload', action: 'commit-then-reset', count: 1 }
    await glacier.createVault({ vaultName: 'orphans', accountId: '-' })
    const orphans = { vaultName: 'orphans', accountId: '-' }
    await setFaults(vault, rule)
    await assert.rejects(glacier.initiateMultipartUpload({ ...orphans, partSize: `${MIB}` }), reset)
    assert.equal((await glacier.listMultipartUploads(orphans)).UploadsList?.length, 1)
  })

  it('hang, before or after the commit, until the client leaves', async () => {
    for (const afterCommit of [false, true]) {
      const uploadId = await anUpload()
      await setFaults(vault, { operation: 'UploadMultipartPart', action: 'hang', afterCommit })
      const leave = new AbortController()
      const range = `bytes 0-${MIB - 1}/*`
      const hanging = glacier.uploadMultipartPart(
        { ...target, uploadId, range, body: data },
        { abortSignal: leave.signal },
      )
      const expected = afterCommit ? 1 : 0
      await until(async () => (await listedParts(uploadId)) === expected, { timeoutMs: 10_000 })
      leave.abort()
      await assert.rejects(hanging, { name: 'AbortError' })
      assert.equal(await listedParts(uploadId), expected)
    }
  })

  it('delay, corrupt what is retrieved, and drop headers', async () => {
    const { archiveId } = await glacier.uploadArchive({ ...target, body: data })
    const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId }
    const { jobId } = await glacier.initiateJob({ ...target, jobParameters })
    await setFaults(
      vault,
      { operation: 'GetJobOutput', action: 'corrupt', atByte: 70_000, count: 1 },
      {
        operation: 'GetJobOutput',
        action: 'drop-header',
        header: 'x-amz-sha256-tree-hash',
        count: 1,
      },
      { operation: 'GetJobOutput', action: 'latency', delayMs: 50, count: 1 },
    )
    const read = async () => {
      const { body, checksum } = await glacier.getJobOutput({ ...target, jobId })
      return { checksum, bytes: Buffer.from((await body?.transformToByteArray()) ?? []) }
    }
    const corrupt = await read()
    assert.equal(corrupt.checksum, hexTree(data))
    const differing = data.reduce(
      (count, byte, at) => count + (byte === corrupt.bytes[at] ? 0 : 1),
      0,
    )
    assert.equal(differing, 1)
    assert.notEqual(corrupt.bytes[70_000], data[70_000])
    assert.equal((await read()).checksum, undefined)
    const startedAtMs = performance.now()
    assert.ok((await read()).bytes.equals(data))
    assert.ok(performance.now() - startedAtMs >= 45)
    await glacier.deleteArchive({ ...target, archiveId })
  })

  it('that make no sense are refused with a reason, and change nothing', async () => {
    for (const rule of [
      { operation: 'Upload', action: 'throttle' },
      { operation: '*', action: 'explode' },
      { operation: '*', action: 'latency' },
      { operation: '*', action: 'error', code: 'NoSuchException' },
      { operation: '*', action: 'throttle', probability: 2 },
    ]) {
      await assert.rejects(setFaults(vault, rule), /rules\.0/)
    }
    assert.ok(await glacier.listVaults({ accountId: '-' }))
  })

  it('are counted, with everything else', async () => {
    const before_ = await readStats(vault)
    await setFaults(vault, { operation: 'ListVaults', action: 'throttle', count: 1 })
    await assert.rejects(glacier.listVaults({ accountId: '-' }))
    const uploads = await Promise.all([1, 2, 3, 4].map(() => anUpload()))
    await Promise.all(uploads.map((uploadId) => put(uploadId, data)))
    const stats = await readStats(vault)
    const throttled = (one: typeof stats) => one.requests.ListVaults?.ThrottlingException ?? 0
    assert.equal(throttled(stats), throttled(before_) + 1)
    assert.equal(stats.receivedBytes - before_.receivedBytes, 4 * MIB)
    assert.ok(stats.partsInFlightPeak >= 1)
  })
})

describe('the control port', () => {
  it('does not answer web pages, and nothing else than its paths', async () => {
    const url = `http://127.0.0.1:${vault.controlPort}`
    const page = await fetch(`${url}/faults`, { headers: { origin: 'http://evil.example' } })
    assert.equal(page.status, 403)
    assert.equal((await fetch(`${url}/other`)).status, 404)
  })
})

describe('an idle upload', () => {
  it('expires after 24 hours without a part, and its disk is freed', async () => {
    const uploadId = await anUpload()
    await put(uploadId, data)
    await advanceClock(vault, DAY_MS - 60_000)
    await put(uploadId, data)
    await advanceClock(vault, DAY_MS - 60_000)
    // Looking at the list is no activity.
    assert.equal(await listedParts(uploadId), 1)
    await advanceClock(vault, 120_000)
    const gone = { name: 'ResourceNotFoundException' }
    await assert.rejects(glacier.listParts({ ...target, uploadId }), gone)
    await assert.rejects(put(uploadId, data), gone)
    await assert.rejects(complete(uploadId, data), gone)
    await assert.rejects(glacier.abortMultipartUpload({ ...target, uploadId }), gone)
    const isFreed = async () => {
      const names = await readdir(directory.path, { recursive: true })
      return !names.some((name) => name.endsWith('.part'))
    }
    await until(isFreed, { timeoutMs: 10_000 })
  })

  it('forgets how it ended after a day', async () => {
    const completed = await anUpload()
    await put(completed, data)
    const { archiveId } = await complete(completed, data)
    const aborted = await anUpload()
    await glacier.abortMultipartUpload({ ...target, uploadId: aborted })
    await glacier.abortMultipartUpload({ ...target, uploadId: aborted })
    await advanceClock(vault, DAY_MS + 60_000)
    const gone = { name: 'ResourceNotFoundException' }
    await assert.rejects(complete(completed, data), gone)
    await assert.rejects(glacier.abortMultipartUpload({ ...target, uploadId: aborted }), gone)
    await glacier.deleteArchive({ ...target, archiveId })
    await advanceClock(vault, 2 * DAY_MS)
    // Known for one of ours, however long ago it was deleted.
    await glacier.deleteArchive({ ...target, archiveId })
  })
})

describe('a sender that stops', () => {
  it('gets 408 and leaves nothing behind', async () => {
    const uploadId = await anUpload()
    const path = `/-/vaults/v/multipart-uploads/${uploadId}`
    const headers = signedHeaders(vault.url, {
      method: 'PUT',
      path,
      body: data,
      headers: { 'content-range': `bytes 0-${MIB - 1}/*`, 'x-amz-sha256-tree-hash': hexTree(data) },
    })
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const socket = connect(vault.port, '127.0.0.1')
    socket.write(`PUT ${path} HTTP/1.1\r\ncontent-length: ${MIB}\r\n${lines.join('')}\r\n`)
    socket.write(data.subarray(0, 1000))
    const answer = await text(socket)
    assert.match(answer, /^HTTP\/1\.1 408 /)
    assert.match(answer, /"RequestTimeoutException","message":"Request timed out\."/)
    assert.equal(await listedParts(uploadId), 0)
    assert.deepEqual(await readdir(join(directory.path, 'tmp')), [])
  })

  it('leaves nothing behind when it hangs up', async () => {
    const uploadId = await anUpload()
    await setFaults(vault, {
      operation: 'UploadMultipartPart',
      action: 'reset',
      afterBytes: 10_000,
    })
    await assert.rejects(put(uploadId, data), reset)
    const isEmpty = async () => (await readdir(join(directory.path, 'tmp'))).length === 0
    await until(isEmpty, { timeoutMs: 10_000 })
    assert.equal(await listedParts(uploadId), 0)
  })
})

/** A file system of 8 MiB in memory, where that can be mounted. */
async function tinyDisk(path: string): Promise<AsyncDisposable | undefined> {
  await mkdir(path)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', path])
  } catch {
    return undefined
  }
  return {
    async [Symbol.asyncDispose]() {
      await run('umount', [path])
    },
  }
}

describe('a full disk', () => {
  it('answers 500, keeps what was acknowledged, and goes on when there is room', async (t) => {
    await using scratch = await scratchDir()
    const path = join(scratch.path, 'disk')
    await using disk = await tinyDisk(path)
    if (disk === undefined) {
      t.skip('no right to mount a file system')
      return
    }
    await using full = await startVault(path)
    const client = sdkClient(full.url)
    await client.createVault(target)
    const uploadId = await anUpload(client)
    let stored = 0
    await assert.rejects(
      async () => {
        for (; stored < 20; stored += 1) await put(uploadId, someBytes(MIB, stored), stored, client)
      },
      (error) => {
        assert.ok(error instanceof Error && '$metadata' in error)
        assert.equal(error.name, 'ServiceUnavailableException')
        assert.equal((error.$metadata as { httpStatusCode: number }).httpStatusCode, 500)
        return true
      },
    )
    assert.ok(stored >= 5, `${stored} parts before the disk was full`)
    assert.equal((await client.listParts({ ...target, uploadId })).Parts?.length, stored)
    assert.deepEqual(await readdir(join(path, 'tmp')), [])
    const whole = Buffer.concat(Array.from({ length: stored }, (_, seed) => someBytes(MIB, seed)))
    const { archiveId } = await complete(uploadId, whole, client)
    await client.deleteArchive({ ...target, archiveId })
    const next = await anUpload(client)
    await until(
      async () =>
        put(next, data, 0, client).then(
          () => true,
          () => false,
        ),
      { timeoutMs: 10_000 },
    )
    client.destroy()
  })
})

describe('a disk that fails', () => {
  it('makes the vault refuse changes and say so, and loses nothing acknowledged', async (t) => {
    const hasStrace = await run('strace', ['-V']).then(
      () => true,
      () => false,
    )
    if (!hasStrace) {
      t.skip('no strace, which injects the errors')
      return
    }
    await using scratch = await scratchDir()
    await using failing = await startVault(scratch.path)
    const client = sdkClient(failing.url)
    await client.createVault(target)
    const uploadId = await anUpload(client)
    await put(uploadId, data, 0, client)
    const inject = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO']
    const tracer = spawn('strace', ['-f', '-qq', ...inject, '-p', `${failing.child.pid}`])
    await until(
      async () =>
        put(uploadId, data, 1, client).then(
          () => false,
          () => true,
        ),
      { timeoutMs: 20_000 },
    )
    const unavailable = { name: 'ServiceUnavailableException' }
    for (let count = 0; count < 3; count += 1) {
      await assert.rejects(put(uploadId, data, 1, client), unavailable)
    }
    tracer.kill('SIGTERM')
    await once(tracer, 'exit')
    await assert.rejects(anUpload(client), unavailable)
    const ready = await send(failing.url, { method: 'GET', path: '/readyz', isUnsigned: true })
    assert.equal(ready.status, 503)
    const { Parts } = await client.listParts({ ...target, uploadId })
    assert.equal(Parts?.[0]?.SHA256TreeHash, hexTree(data))
    assert.match(failing.output(), /the disk fails: refusing changes until restarted/)
    client.destroy()
    await failing.stop('SIGTERM')
    await using restarted = await startVault(scratch.path)
    const again = sdkClient(restarted.url)
    assert.ok((await again.listParts({ ...target, uploadId })).Parts?.length)
    await put(uploadId, data, 1, again)
    again.destroy()
  })
})

describe('errors', () => {
  it('keep their form whatever happens', async () => {
    await setFaults(vault, { operation: '*', action: 'error', code: 'NoLongerSupportedException' })
    const answer = await send(vault.url, { method: 'GET', path: '/-/vaults' })
    assert.equal(answer.status, 400)
    assert.equal(errorOf(answer).code, 'NoLongerSupportedException')
  })
})
