import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Glacier } from '@aws-sdk/client-glacier'
import { MIB, treeHash } from '@firn/core'
import { scratchDir, sdkClient, someBytes, spawnVault, startVault } from './vault-harness.ts'

const target = { vaultName: 'v', accountId: '-' }
const KILL_ROUNDS = Number(process.env.VAULT_KILL_ROUNDS ?? 20)

function hexTree(bytes: Uint8Array): string {
  return treeHash(bytes).toString('hex')
}

/** Everything below a directory that takes disk. */
async function usedBytes(path: string): Promise<number> {
  let sum = 0
  for (const name of await readdir(path, { recursive: true })) {
    const { size, isFile } = await stat(join(path, name)).then((found) => ({
      size: found.size,
      isFile: found.isFile(),
    }))
    if (isFile) sum += size
  }
  return sum
}

async function download(glacier: Glacier, archiveId: string): Promise<Buffer> {
  const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId }
  const { jobId } = await glacier.initiateJob({ ...target, jobParameters })
  const { body } = await glacier.getJobOutput({ ...target, jobId })
  assert.ok(body)
  return Buffer.from(await body.transformToByteArray())
}

/** More than one seed is possible only after a call that was cut. */
interface PartHistory {
  readonly possible: readonly number[]
  readonly isAcknowledged: boolean
}

/** What clients were told before the vault was killed. */
interface Acknowledged {
  /** By upload id, by index: the seeds whose bytes the part may hold. */
  readonly parts: Map<string, Map<number, PartHistory>>
  /** By upload id: the archive and its bytes. */
  readonly archives: Map<string, { readonly archiveId: string; readonly data: Buffer }>
  /** Uploads whose Complete was sent and not answered. */
  readonly doubtful: Map<string, Buffer>
  readonly aborted: Set<string>
}

const PART_COUNT = 3

function partBytes(seed: number, index: number): Buffer {
  return someBytes(index === PART_COUNT - 1 ? 1000 : MIB, seed)
}

/** Uploads, overwrites, completes and aborts until the connection breaks. */
async function work(glacier: Glacier, seen: Acknowledged, seed: number): Promise<void> {
  for (let turn = seed; ; turn += 100) {
    const { uploadId } = await glacier.initiateMultipartUpload({ ...target, partSize: `${MIB}` })
    assert.ok(uploadId)
    const known = new Map<number, PartHistory>()
    seen.parts.set(uploadId, known)
    for (const index of [2, 0, 1, 0]) {
      const body = partBytes(turn + index, index)
      const start = index * MIB
      const range = `bytes ${start}-${start + body.length - 1}/*`
      const before = known.get(index) ?? { possible: [], isAcknowledged: false }
      known.set(index, { ...before, possible: [...before.possible, turn + index] })
      await glacier.uploadMultipartPart({ ...target, uploadId, range, body })
      known.set(index, { possible: [turn + index], isAcknowledged: true })
    }
    if (turn % 3 === 0) {
      seen.aborted.add(uploadId)
      await glacier.abortMultipartUpload({ ...target, uploadId })
      continue
    }
    const data = Buffer.concat([0, 1, 2].map((index) => partBytes(turn + index, index)))
    seen.doubtful.set(uploadId, data)
    const checksum = hexTree(data)
    const archiveSize = `${data.length}`
    const { archiveId } = await glacier.completeMultipartUpload({
      ...target,
      uploadId,
      archiveSize,
      checksum,
    })
    assert.ok(archiveId)
    seen.archives.set(uploadId, { archiveId, data })
    seen.doubtful.delete(uploadId)
  }
}

/** Holds what is there against what was acknowledged. */
async function verify(glacier: Glacier, seen: Acknowledged): Promise<void> {
  for (const [uploadId, { archiveId, data }] of seen.archives) {
    assert.ok((await download(glacier, archiveId)).equals(data))
    const again = await glacier.completeMultipartUpload({
      ...target,
      uploadId,
      archiveSize: `${data.length}`,
      checksum: hexTree(data),
    })
    assert.equal(again.archiveId, archiveId)
  }
  for (const [uploadId, data] of seen.doubtful) {
    const input = { ...target, uploadId, archiveSize: `${data.length}`, checksum: hexTree(data) }
    const first = await glacier.completeMultipartUpload(input)
    assert.equal((await glacier.completeMultipartUpload(input)).archiveId, first.archiveId)
    assert.ok(first.archiveId)
    assert.ok((await download(glacier, first.archiveId)).equals(data))
    seen.archives.set(uploadId, { archiveId: first.archiveId, data })
  }
  seen.doubtful.clear()
  for (const [uploadId, known] of seen.parts) {
    if (!seen.archives.has(uploadId)) await verifyOpenUpload(glacier, { seen, uploadId, known })
  }
  seen.parts.clear()
}

async function verifyOpenUpload(
  glacier: Glacier,
  input: {
    readonly seen: Acknowledged
    readonly uploadId: string
    readonly known: ReadonlyMap<number, PartHistory>
  },
): Promise<void> {
  const { seen, uploadId, known } = input
  const listed = await glacier.listParts({ ...target, uploadId }).catch((error: unknown) => {
    // An Abort whose answer was lost may have happened or not.
    if (seen.aborted.has(uploadId)) return undefined
    throw error
  })
  if (listed === undefined) return
  const hashByIndex = new Map(
    listed.Parts?.map((part) => [
      Number(part.RangeInBytes?.split('-')[0]) / MIB,
      part.SHA256TreeHash,
    ]),
  )
  for (const [index, { possible, isAcknowledged }] of known) {
    const stored = hashByIndex.get(index)
    assert.ok(stored !== undefined || !isAcknowledged, `part ${index} of ${uploadId} is lost`)
    const hashes = possible.map((seed) => hexTree(partBytes(seed, index)))
    assert.ok(stored === undefined || hashes.includes(stored), `part ${index} of ${uploadId}`)
  }
  assert.ok([...hashByIndex.keys()].every((index) => known.has(index)))
  await glacier.abortMultipartUpload({ ...target, uploadId })
}

describe('a vault that is killed', () => {
  it(`keeps what it acknowledged, ${KILL_ROUNDS} times over`, async (t) => {
    await using directory = await scratchDir()
    const seen: Acknowledged = {
      parts: new Map(),
      archives: new Map(),
      doubtful: new Map(),
      aborted: new Set(),
    }
    let acknowledgedCount = 0
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      await using vault = await startVault(directory.path)
      const glacier = sdkClient(vault.url)
      await glacier.createVault(target)
      await verify(glacier, seen)
      // Not more than a round leaves, or the test would spend its time on downloads.
      for (const [uploadId, { archiveId }] of seen.archives) {
        await glacier.deleteArchive({ ...target, archiveId })
        seen.archives.delete(uploadId)
      }
      const workers = [1, 2, 3, 4].map((seed) => work(glacier, seen, round * 1000 + seed * 7))
      const settled = Promise.allSettled(workers)
      // A random instant, which is the point: no event to wait for.
      await delay(30 + Math.random() * 400)
      await vault.stop('SIGKILL')
      for (const end of await settled) {
        assert.equal(end.status, 'rejected')
        assert.ok(!(end.reason instanceof assert.AssertionError), String(end.reason))
      }
      acknowledgedCount += seen.archives.size
      glacier.destroy()
    }
    t.diagnostic(`${acknowledgedCount} archives were acknowledged before a kill`)
    await using vault = await startVault(directory.path)
    const glacier = sdkClient(vault.url)
    await verify(glacier, seen)
    for (const { archiveId } of seen.archives.values()) {
      await glacier.deleteArchive({ ...target, archiveId })
    }
    glacier.destroy()
  })

  it('recovers to the same state when recovery itself is killed, and frees dead disk', async () => {
    await using directory = await scratchDir()
    const data = someBytes(2 * MIB, 3)
    let uploadId: string | undefined
    {
      await using vault = await startVault(directory.path)
      const glacier = sdkClient(vault.url)
      await glacier.createVault(target)
      uploadId = (await glacier.initiateMultipartUpload({ ...target, partSize: `${MIB}` })).uploadId
      const range = `bytes 0-${MIB - 1}/*`
      const body = data.subarray(0, MIB)
      await glacier.uploadMultipartPart({ ...target, uploadId, range, body })
      glacier.destroy()
      await vault.stop('SIGKILL')
    }
    // Rubbish as a crash leaves it: half a body, half a deletion, an older file of a part.
    await cp(join(directory.path, 'vaults'), join(directory.path, 'trash', '0'), {
      recursive: true,
    })
    await cp(join(directory.path, 'lock.db'), join(directory.path, 'tmp', 'zz'))
    const names = await readdir(join(directory.path, 'vaults'), { recursive: true })
    const part = names.find((name) => name.endsWith('.part'))
    assert.ok(part)
    const stale = part.replace(/\/0-\d+-(\d+)-[0-9a-f]+\.part$/, `/0-0-$1-${'0'.repeat(64)}.part`)
    assert.notEqual(stale, part)
    await cp(join(directory.path, 'vaults', part), join(directory.path, 'vaults', stale))
    for (let round = 0; round < 5; round += 1) {
      const child = spawnVault(directory.path)
      await delay(40 * round)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await using vault = await startVault(directory.path)
    const glacier = sdkClient(vault.url)
    const { Parts } = await glacier.listParts({ ...target, uploadId })
    assert.deepEqual(
      Parts?.map((one) => one.SHA256TreeHash),
      [hexTree(data.subarray(0, MIB))],
    )
    assert.deepEqual(await readdir(join(directory.path, 'tmp')), [])
    assert.deepEqual(await readdir(join(directory.path, 'trash')), [])
    assert.ok((await usedBytes(directory.path)) < MIB + 64 * 1024)
    glacier.destroy()
  })
})

describe('a data directory', () => {
  it('serves one process: a second one refuses to start', async () => {
    await using directory = await scratchDir()
    await using vault = await startVault(directory.path)
    await assert.rejects(startVault(directory.path), /another process has it open/)
    const glacier = sdkClient(vault.url)
    await glacier.createVault(target)
    glacier.destroy()
  })

  it('gets its disk back from Abort, DeleteArchive and DeleteVault', async () => {
    await using directory = await scratchDir()
    await using vault = await startVault(directory.path)
    const glacier = sdkClient(vault.url)
    await glacier.createVault(target)
    const empty = await usedBytes(directory.path)
    const { uploadId } = await glacier.initiateMultipartUpload({ ...target, partSize: `${MIB}` })
    await glacier.uploadMultipartPart({
      ...target,
      uploadId,
      range: `bytes 0-${MIB - 1}/*`,
      body: someBytes(MIB),
    })
    const { archiveId } = await glacier.uploadArchive({ ...target, body: someBytes(MIB) })
    await glacier.abortMultipartUpload({ ...target, uploadId })
    await glacier.deleteArchive({ ...target, archiveId })
    await vault.stop('SIGTERM')
    assert.ok((await usedBytes(directory.path)) < empty + 8 * 1024)
    glacier.destroy()
  })
})

describe('configuration', () => {
  it('without credentials is refused with a list of what is missing', async () => {
    await using directory = await scratchDir()
    const env = { VAULT_ACCESS_KEY_ID: '', VAULT_SECRET_ACCESS_KEY: '', VAULT_ACCOUNT_ID: '12' }
    await assert.rejects(startVault(directory.path, env), (error) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /exited with 1/)
      for (const name of Object.keys(env)) assert.match(error.message, new RegExp(name))
      return true
    })
  })
})
