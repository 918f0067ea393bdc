import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { foldTreeHash, MIB, partRange, planParts, treeHash } from '@firn/core'
import { createGlacier } from '@firn/glacier'
import { openHashPool } from '@firn/hashing'
import { createSources } from '@firn/sources'
import { hasCode, never } from './glacier-scripted-server.ts'
import {
  credentials,
  REGION,
  scratchDir,
  sdkClient,
  someBytes,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

const vault = 'photos'
const data = someBytes(7 * MIB + 4321)
const result = planParts({ sizeBytes: data.length, partSizeBytes: 2 * MIB })
assert.ok(result.ok)
const { plan } = result

let folder: Awaited<ReturnType<typeof scratchDir>>
let server: VaultProcess
let glacier: ReturnType<typeof createGlacier>

before(async () => {
  folder = await scratchDir()
  server = await startVault(join(folder.path, 'vault'), { VAULT_PAGE_MAX: '2' })
  await writeFile(join(folder.path, 'source'), data)
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})
beforeEach(async () => {
  glacier = connect(credentials.secretAccessKey)
  await glacier.createVault(vault, never)
})
afterEach(() => glacier[Symbol.asyncDispose]())

function connect(secretAccessKey: string): ReturnType<typeof createGlacier> {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_GLACIER: server.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  })
  return createGlacier()
}

async function initiate(description = ''): Promise<{ vault: string; uploadId: string }> {
  const { partSizeBytes } = plan
  const { uploadId } = await glacier.initiateUpload({ vault, partSizeBytes, description }, never)
  return { vault, uploadId }
}

/** Uploads the source through sources and hash pool, holding parts of up to `memoryBytes`. */
async function uploadAll(
  upload: { vault: string; uploadId: string },
  memoryBytes: number,
): Promise<{ sizeBytes: number; treeHash: string }> {
  await using hashPool = await openHashPool({ threads: 2 })
  const sources = createSources({ roots: [folder.path], hashPool, memoryBytes })
  const source = { type: 'file', path: join(folder.path, 'source') } as const
  const pin = await sources.inspect(source, never)
  const uploads = Array.from({ length: plan.partCount }, async (_, index) => {
    const range = partRange(plan, index)
    await using part = await sources.openPart({ source, pin, range }, never)
    assert.equal(part.body instanceof Uint8Array, range.end - range.start <= memoryBytes)
    await glacier.uploadPart({ ...upload, range, ...part }, never)
    await part.verify()
    return Buffer.from(part.treeHash, 'hex')
  })
  const root = foldTreeHash(await Promise.all(uploads))
  return { sizeBytes: data.length, treeHash: root.toString('hex') }
}

/** The bytes that the vault gives back. */
async function retrieve(archiveId: string): Promise<Uint8Array> {
  const sdk = sdkClient(server.url)
  try {
    const names = { accountId: '-', vaultName: vault }
    const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId }
    const { jobId } = await sdk.initiateJob({ ...names, jobParameters })
    const { body } = await sdk.getJobOutput({ ...names, jobId })
    assert.ok(body)
    return await body.transformToByteArray()
  } finally {
    sdk.destroy()
  }
}

describe('createGlacier() with the vault', () => {
  for (const [how, memoryBytes] of [
    ['from memory', 4 * MIB],
    ['streamed, but for the last', 1.5 * MIB],
  ] as const) {
    it(`makes the archive that its source is, parts ${how}`, async () => {
      const upload = await initiate('a  description')
      const sealed = await uploadAll(upload, memoryBytes)
      assert.equal(sealed.treeHash, treeHash(data).toString('hex'))
      const archive = await glacier.completeUpload({ ...upload, ...sealed }, never)
      assert.match(archive.location, new RegExp(`/vaults/${vault}/archives/${archive.archiveId}$`))
      assert.ok(data.equals(await retrieve(archive.archiveId)))
      assert.deepEqual(await glacier.completeUpload({ ...upload, ...sealed }, never), archive)
    })
  }

  it('lists parts, uploads and vaults over pages of two', async () => {
    const uploads = await Promise.all(['1', '2', '3'].map((text) => initiate(`upload ${text}`)))
    const [first] = uploads
    assert.ok(first)
    await uploadAll(first, 4 * MIB)
    const parts = await Array.fromAsync(glacier.listParts(first, never))
    assert.deepEqual(
      parts,
      Array.from({ length: plan.partCount }, (_, index) => {
        const range = partRange(plan, index)
        const bytes = data.subarray(range.start, range.end)
        return { range, treeHash: treeHash(bytes).toString('hex') }
      }),
    )
    const open = await Array.fromAsync(glacier.listUploads(vault, never))
    for (const [index, { uploadId }] of uploads.entries()) {
      const found = open.find((one) => one.uploadId === uploadId)
      assert.equal(found?.description, `upload ${index + 1}`)
      assert.equal(found.partSizeBytes, plan.partSizeBytes)
      assert.ok(Math.abs(found.createdAtMs - Date.now()) < 10 * 60_000)
    }
    for (const name of ['b', 'c', 'a', 'd']) await glacier.createVault(name, never)
    const vaults = await Array.fromAsync(glacier.listVaults(never))
    assert.deepEqual(
      vaults.map((one) => one.name),
      ['a', 'b', 'c', 'd', vault],
    )
    for (const upload of uploads) await glacier.abortUpload(upload, never)
    assert.deepEqual(await Array.fromAsync(glacier.listUploads(vault, never)), [])
  })

  it('reads what an inventory says of an archive, and knows no job that nobody asked for', async () => {
    const upload = await initiate('in the inventory')
    const sealed = await uploadAll(upload, 4 * MIB)
    const { archiveId } = await glacier.completeUpload({ ...upload, ...sealed }, never)
    const asked = { vault, ...(await glacier.askInventory({ vault, sinceMs: 0 }, never)) }
    let inventory = await glacier.readInventory(asked, never)
    while (inventory === 'pending') inventory = await glacier.readInventory(asked, never)
    assert.ok(inventory !== 'gone')
    const dateMs = await glacier.inventoryDateMs(vault, never)
    assert.ok(dateMs !== null && Math.abs(dateMs - inventory.takenAtMs) < 1000, `${dateMs}`)
    await glacier.createVault('never-used', never)
    assert.equal(await glacier.inventoryDateMs('never-used', never), null)
    await assert.rejects(
      glacier.inventoryDateMs('no-such-vault', never),
      hasCode('GLACIER_VAULT_NOT_FOUND'),
    )
    const row = inventory.archives.find((archive) => archive.archiveId === archiveId)
    const { description, sizeBytes, treeHash } = row ?? {}
    assert.deepEqual(
      { description, sizeBytes, treeHash },
      { description: 'in the inventory', ...sealed },
    )
    const unknown = { vault, inventoryJobId: 'never-given-out' }
    assert.equal(await glacier.readInventory(unknown, never), 'gone')
  })

  it('has bytes refused that are not the ones that were hashed', async () => {
    const upload = await initiate()
    const body = new Uint8Array(new SharedArrayBuffer(MIB)).fill(1)
    const hash = treeHash(body).toString('hex')
    const part = { ...upload, range: { start: 0, end: MIB }, sha256: hash, treeHash: hash }
    const flipped = body.slice().fill(2, 77, 78)
    const sending = glacier.uploadPart({ ...part, body: flipped }, never)
    await assert.rejects(sending, hasCode('PART_CHECKSUM_MISMATCH'))
    const mixed = { ...part, body, treeHash: '0'.repeat(64) }
    await assert.rejects(glacier.uploadPart(mixed, never), hasCode('PART_CHECKSUM_MISMATCH'))
    await glacier.uploadPart({ ...part, body }, never)
  })

  it('tells a missing upload, a missing vault, a refusal and bad credentials apart', async () => {
    const upload = await initiate()
    const sealed = await uploadAll(upload, 4 * MIB)
    const wrong = { ...upload, ...sealed, treeHash: '0'.repeat(64) }
    await assert.rejects(glacier.completeUpload(wrong, never), hasCode('GLACIER_REFUSED'))
    const short = { ...upload, ...sealed, sizeBytes: 1 }
    await assert.rejects(glacier.completeUpload(short, never), hasCode('GLACIER_REFUSED'))
    const unknown = { vault, uploadId: 'never-given-out' }
    const complete = { ...unknown, ...sealed }
    await assert.rejects(
      glacier.completeUpload(complete, never),
      hasCode('GLACIER_UPLOAD_NOT_FOUND'),
    )
    await assert.rejects(glacier.abortUpload(unknown, never), hasCode('GLACIER_UPLOAD_NOT_FOUND'))
    const elsewhere = { ...upload, vault: 'absent' }
    for (const call of [
      () => glacier.abortUpload(elsewhere, never),
      () => glacier.completeUpload({ ...elsewhere, ...sealed }, never),
      () => Array.fromAsync(glacier.listParts(elsewhere, never)),
      () => Array.fromAsync(glacier.listUploads('absent', never)),
    ]) {
      await assert.rejects(call, hasCode('GLACIER_VAULT_NOT_FOUND'))
    }
    await using stranger = connect('another-secret')
    await assert.rejects(stranger.abortUpload(upload, never), hasCode('GLACIER_CREDENTIALS'))
    await glacier.abortUpload(upload, never)
  })
})
