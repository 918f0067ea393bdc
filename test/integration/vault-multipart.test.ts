import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import {
  type Glacier,
  paginateListMultipartUploads,
  paginateListParts,
} from '@aws-sdk/client-glacier'
import { foldTreeHash, MIB, treeHash } from '@firn/core'
import {
  errorOf,
  type RawAnswer,
  scratchDir,
  sdkClient,
  send,
  someBytes,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

const vaultName = 'photos'
let directory: Awaited<ReturnType<typeof scratchDir>>
let vault: VaultProcess
let glacier: Glacier

before(async () => {
  directory = await scratchDir()
  vault = await startVault(directory.path, { VAULT_PAGE_MAX: '50' })
  glacier = sdkClient(vault.url)
  await glacier.createVault({ vaultName, accountId: '-' })
})
after(async () => {
  glacier.destroy()
  await vault[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

function hexTree(bytes: Uint8Array): string {
  return treeHash(bytes).toString('hex')
}

async function initiate(partSizeBytes = MIB, archiveDescription?: string): Promise<string> {
  const { uploadId } = await glacier.initiateMultipartUpload({
    vaultName,
    accountId: '-',
    partSize: String(partSizeBytes),
    ...(archiveDescription !== undefined && { archiveDescription }),
  })
  assert.ok(uploadId)
  return uploadId
}

async function put(uploadId: string, start: number, bytes: Uint8Array) {
  return glacier.uploadMultipartPart({
    vaultName,
    accountId: '-',
    uploadId,
    range: `bytes ${start}-${start + bytes.length - 1}/*`,
    body: bytes,
  })
}

/** A part with whatever headers are under test. */
async function rawPut(
  uploadId: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
  omit: readonly string[] = [],
): Promise<RawAnswer> {
  const path = `/-/vaults/${vaultName}/multipart-uploads/${uploadId}`
  return send(vault.url, {
    method: 'PUT',
    path,
    body,
    omit,
    headers: { 'x-amz-sha256-tree-hash': hexTree(body), ...headers },
  })
}

async function complete(uploadId: string, bytes: Uint8Array, checksum = hexTree(bytes)) {
  const archiveSize = String(bytes.length)
  return glacier.completeMultipartUpload({
    vaultName,
    accountId: '-',
    uploadId,
    archiveSize,
    checksum,
  })
}

async function download(archiveId: string | undefined): Promise<Buffer> {
  const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId }
  const { jobId } = await glacier.initiateJob({ vaultName, accountId: '-', jobParameters })
  const { body } = await glacier.getJobOutput({ vaultName, accountId: '-', jobId })
  assert.ok(body)
  return Buffer.from(await body.transformToByteArray())
}

const refused = (message: string | RegExp) => ({ name: 'InvalidParameterValueException', message })
const gone = { name: 'ResourceNotFoundException', message: /^The upload ID was not found: / }

describe('multipart upload', () => {
  it('makes one archive of parts in any order, with a short last one', async () => {
    const data = Buffer.alloc(2.5 * MIB, '0')
    const uploadId = await initiate(MIB, 'two  spaces')
    for (const index of [2, 0, 1]) {
      const bytes = data.subarray(index * MIB, (index + 1) * MIB)
      const { checksum } = await put(uploadId, index * MIB, bytes)
      assert.equal(checksum, hexTree(bytes))
    }
    // The hash that the live service accepted for these three parts.
    const known = '86118ad0c187fd240db59a37360e0e7f8a3a0c608eed740b4cd7b4271ab45171'
    const { archiveId, checksum, location } = await complete(uploadId, data, known)
    assert.equal(checksum, known)
    assert.equal(location, `/111122223333/vaults/${vaultName}/archives/${archiveId}`)
    assert.ok((await download(archiveId)).equals(data))
  })

  it('takes many parts at once', async () => {
    const data = someBytes(24 * MIB + 1, 7)
    const uploadId = await initiate()
    const starts = Array.from({ length: 25 }, (_, index) => index * MIB)
    await Promise.all(
      starts.map((start) => put(uploadId, start, data.subarray(start, start + MIB))),
    )
    const { archiveId } = await complete(uploadId, data)
    assert.ok((await download(archiveId)).equals(data))
  })

  it('replaces a part that is uploaded again, also by one of another length', async () => {
    const uploadId = await initiate()
    await put(uploadId, 0, someBytes(MIB, 1))
    await put(uploadId, 0, someBytes(MIB, 2))
    await put(uploadId, MIB, someBytes(MIB, 3))
    await put(uploadId, MIB, someBytes(77, 4))
    const { Parts } = await glacier.listParts({ vaultName, accountId: '-', uploadId })
    assert.deepEqual(
      Parts?.map((part) => part.RangeInBytes),
      ['0-1048575', '1048576-1048652'],
    )
    const data = Buffer.concat([someBytes(MIB, 2), someBytes(77, 4)])
    const { archiveId } = await complete(uploadId, data)
    assert.ok((await download(archiveId)).equals(data))
  })

  it('keeps one of two parts that race for a range, whole', async () => {
    const uploadId = await initiate(4 * MIB)
    const rivals = Array.from({ length: 8 }, (_, index) => someBytes(4 * MIB, 100 + index))
    await Promise.all(rivals.map((bytes) => put(uploadId, 0, bytes)))
    const { Parts } = await glacier.listParts({ vaultName, accountId: '-', uploadId })
    assert.equal(Parts?.length, 1)
    const winner = rivals.find((bytes) => hexTree(bytes) === Parts?.[0]?.SHA256TreeHash)
    assert.ok(winner)
    const { archiveId } = await complete(uploadId, winner)
    assert.ok((await download(archiveId)).equals(winner))
  })

  it('lists 10,000 parts in numerical order over pages, and Complete names the first gap', async () => {
    const byte = someBytes(1, 9)
    const uploadId = await initiate()
    // Short parts everywhere: accepted now, judged by Complete.
    const queue = Array.from({ length: 10_000 }, (_, index) => index)
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
          await put(uploadId, index * MIB, byte)
        }
      }),
    )
    const listed: string[] = []
    const pages = paginateListParts({ client: glacier }, { vaultName, accountId: '-', uploadId })
    for await (const page of pages) {
      assert.ok((page.Parts?.length ?? 0) <= 50)
      listed.push(...(page.Parts ?? []).map((part) => part.RangeInBytes ?? ''))
    }
    const expected = Array.from({ length: 10_000 }, (_, index) => `${index * MIB}-${index * MIB}`)
    assert.deepEqual(listed, expected)
    await assert.rejects(
      complete(uploadId, byte),
      refused('The parts do not form a whole archive. First missing byte range: 1-1048575'),
    )
    await glacier.abortMultipartUpload({ vaultName, accountId: '-', uploadId })
  })
})

describe('UploadMultipartPart', () => {
  const body = someBytes(MIB, 5)
  const range = 'bytes 0-1048575/*'

  it('refuses a range that differs from the length of the body', async () => {
    const answer = await rawPut(await initiate(), body, { 'content-range': 'bytes 0-1048576/*' })
    assert.equal(answer.status, 400)
    assert.deepEqual(JSON.parse(answer.body.toString()), {
      code: 'InvalidParameterValueException',
      message: 'Content-Range: bytes 0-1048576/* is incompatible with Content-Length: 1048576',
      type: 'Client',
    })
  })

  it('refuses ranges that are inverted, unaligned, too long or past part 10,000', async () => {
    const uploadId = await initiate()
    const long = someBytes(MIB + 1, 1)
    const beyond = 10_000 * MIB
    const cases: readonly (readonly [Uint8Array, string, RegExp])[] = [
      [body, 'bytes 5-4/*', /^Invalid Content-Range: bytes 5-4\/\*$/],
      [body, 'bytes 1-1048576/*', /^Invalid Content-Range: bytes 1-1048576\/\*/],
      [long, 'bytes 0-1048576/*', /^Invalid Content-Range: bytes 0-1048576\/\*/],
      [body, `bytes ${beyond}-${beyond + MIB - 1}/*`, /^This is part number 10001 /],
      [Buffer.alloc(0), 'bytes 0--1/*', /^Invalid Content-Range/],
    ]
    for (const [bytes, contentRange, message] of cases) {
      const answer = await rawPut(uploadId, bytes, { 'content-range': contentRange })
      assert.equal(answer.status, 400, contentRange)
      assert.equal(errorOf(answer).code, 'InvalidParameterValueException')
      assert.match(errorOf(answer).message, message)
    }
  })

  it('refuses data of another tree hash, and does not store it', async () => {
    const uploadId = await initiate()
    const wrong = hexTree(Buffer.from('other'))
    const answer = await rawPut(uploadId, body, {
      'content-range': range,
      'x-amz-sha256-tree-hash': wrong,
    })
    assert.equal(answer.status, 400)
    assert.equal(
      errorOf(answer).message,
      `Checksum mismatch: expected ${wrong}, computed ${hexTree(body)}`,
    )
    const { Parts } = await glacier.listParts({ vaultName, accountId: '-', uploadId })
    assert.deepEqual(Parts, [])
  })

  it('pads a short tree hash and reports it as a mismatch, but refuses a malformed one', async () => {
    const uploadId = await initiate()
    const short = await rawPut(uploadId, body, {
      'content-range': range,
      'x-amz-sha256-tree-hash': 'a'.repeat(32),
    })
    assert.match(errorOf(short).message, /^Checksum mismatch: expected 0{32}a{32}, /)
    const malformed = await rawPut(uploadId, body, {
      'content-range': range,
      'x-amz-sha256-tree-hash': '000',
    })
    assert.equal(errorOf(malformed).message, 'Invalid x-amz-sha256-tree-hash: 000')
  })

  it('refuses data of another linear hash as a bad signature, and does not store it', async () => {
    const uploadId = await initiate()
    const path = `/-/vaults/${vaultName}/multipart-uploads/${uploadId}`
    const other = hash('sha256', 'other')
    const answer = await send(vault.url, {
      method: 'PUT',
      path,
      body,
      payloadHash: other,
      headers: { 'content-range': range, 'x-amz-sha256-tree-hash': hexTree(body) },
    })
    assert.equal(answer.status, 403)
    assert.deepEqual(JSON.parse(answer.body.toString()), {
      code: 'InvalidSignatureException',
      message:
        'The value passed in as x-amz-content-sha256 does not match the computed payload hash. ' +
        `Computed digest: ${hash('sha256', body)} expected hash: ${other}`,
      type: 'Client',
    })
    const { Parts } = await glacier.listParts({ vaultName, accountId: '-', uploadId })
    assert.deepEqual(Parts, [])
  })

  it('refuses a request that lacks a hash or the range', async () => {
    const uploadId = await initiate()
    for (const name of ['x-amz-sha256-tree-hash', 'x-amz-content-sha256', 'content-range']) {
      const answer = await rawPut(uploadId, body, { 'content-range': range }, [name])
      assert.equal(answer.status, 400, name)
      assert.deepEqual(errorOf(answer), {
        code: 'MissingParameterValueException',
        message: `Required parameter missing: ${name}`,
        type: 'Client',
      })
    }
  })
})

describe('InitiateMultipartUpload', () => {
  it('refuses part sizes that are not a power of two MiB from 1 MiB to 4 GiB', async () => {
    const path = `/-/vaults/${vaultName}/multipart-uploads`
    for (const size of ['0', '10485760', '1048575', '8589934592', 'abc', undefined]) {
      const headers = size === undefined ? {} : { 'x-amz-part-size': size }
      const answer = await send(vault.url, { method: 'POST', path, headers })
      assert.equal(answer.status, 400)
      assert.deepEqual(errorOf(answer), {
        code: 'InvalidParameterValueException',
        message: `Invalid part size: ${size ?? 'null'}. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes.`,
        type: 'Client',
      })
    }
    assert.ok(await initiate(4 * 1024 ** 3))
  })

  it('keeps a description byte for byte, and refuses one that is too long', async () => {
    const text = ` leading dropped, "quotes" \\ and ~ kept ${'x'.repeat(900)}`
    const uploadId = await initiate(MIB, text)
    const { ArchiveDescription } = await glacier.listParts({ vaultName, accountId: '-', uploadId })
    assert.equal(ArchiveDescription, text.trimStart())
    await assert.rejects(initiate(MIB, 'x'.repeat(1025)), refused(/archive-description/))
  })
})

describe('CompleteMultipartUpload', () => {
  it('refuses a wrong hash, a wrong size, gaps and nothing, and leaves the upload open', async () => {
    const data = someBytes(2 * MIB + 3, 11)
    const uploadId = await initiate()
    await assert.rejects(complete(uploadId, data), refused(/^No parts were uploaded/))
    await put(uploadId, 2 * MIB, data.subarray(2 * MIB))
    await put(uploadId, 0, data.subarray(0, MIB))
    await assert.rejects(
      complete(uploadId, data),
      refused('The parts do not form a whole archive. First missing byte range: 1048576-2097151'),
    )
    await put(uploadId, MIB, data.subarray(MIB, 2 * MIB))
    const zeros = '0'.repeat(64)
    await assert.rejects(
      complete(uploadId, data, zeros),
      refused(`Invalid x-amz-sha256-tree-hash: ${zeros}`),
    )
    await assert.rejects(
      complete(uploadId, data.subarray(1), hexTree(data)),
      refused(/^Invalid x-amz-archive-size: 2097154\. The parts have 2097155 bytes$/),
    )
    const { archiveId } = await complete(uploadId, data)
    assert.ok((await download(archiveId)).equals(data))
  })

  it('refuses a request that lacks the size or the hash', async () => {
    const path = `/-/vaults/${vaultName}/multipart-uploads/${await initiate()}`
    const headers = { 'x-amz-archive-size': '1', 'x-amz-sha256-tree-hash': '0'.repeat(64) }
    for (const name of Object.keys(headers)) {
      const answer = await send(vault.url, { method: 'POST', path, headers, omit: [name] })
      assert.equal(answer.status, 400)
      assert.equal(errorOf(answer).code, 'MissingParameterValueException')
    }
  })

  it('answers a repetition with the same archive, but not other claims', async () => {
    const data = someBytes(100, 12)
    const uploadId = await initiate()
    await put(uploadId, 0, data)
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => complete(uploadId, data)))
    for (const other of others) assert.equal(other.archiveId, first?.archiveId)
    assert.equal((await complete(uploadId, data)).archiveId, first?.archiveId)
    await assert.rejects(complete(uploadId, data, '0'.repeat(64)), refused(/tree-hash/))
    await assert.rejects(complete(uploadId, data.subarray(1), hexTree(data)), refused(/size/))
  })

  it('ends the upload for every other call', async () => {
    const data = someBytes(100, 13)
    const uploadId = await initiate()
    await put(uploadId, 0, data)
    const { archiveId } = await complete(uploadId, data)
    await assert.rejects(put(uploadId, 0, data), gone)
    await assert.rejects(glacier.listParts({ vaultName, accountId: '-', uploadId }), gone)
    await assert.rejects(
      glacier.abortMultipartUpload({ vaultName, accountId: '-', uploadId }),
      gone,
    )
    const uploads = await glacier.listMultipartUploads({ vaultName, accountId: '-' })
    assert.ok(!uploads.UploadsList?.some((one) => one.MultipartUploadId === uploadId))
    // The refused Abort did no harm.
    assert.ok((await download(archiveId)).equals(data))
  })
})

describe('AbortMultipartUpload', () => {
  it('ends the upload, and may be repeated', async () => {
    const uploadId = await initiate()
    await put(uploadId, 0, someBytes(10))
    await glacier.abortMultipartUpload({ vaultName, accountId: '-', uploadId })
    await glacier.abortMultipartUpload({ vaultName, accountId: '-', uploadId })
    await assert.rejects(put(uploadId, 0, someBytes(10)), gone)
    await assert.rejects(complete(uploadId, someBytes(10)), gone)
    await assert.rejects(glacier.listParts({ vaultName, accountId: '-', uploadId }), gone)
  })

  it('does not know an id that nobody gave out', async () => {
    const uploadId = 'never-given-out'
    await assert.rejects(
      glacier.abortMultipartUpload({ vaultName, accountId: '-', uploadId }),
      gone,
    )
  })
})

describe('ListMultipartUploads', () => {
  it('shows every upload once, over pages, while uploads come and go', async () => {
    await glacier.createVault({ vaultName: 'lists', accountId: '-' })
    const open = async () => {
      const input = { vaultName: 'lists', accountId: '-', partSize: String(MIB) }
      return (await glacier.initiateMultipartUpload(input)).uploadId ?? ''
    }
    const ids: string[] = []
    for (let count = 0; count < 7; count += 1) ids.push(await open())
    const pages = paginateListMultipartUploads(
      { client: glacier, pageSize: 3 },
      { vaultName: 'lists', accountId: '-' },
    )
    const seen: (string | undefined)[] = []
    for await (const page of pages) {
      seen.push(...(page.UploadsList ?? []).map((one) => one.MultipartUploadId))
      // Gone, and perhaps what the marker points at.
      if (seen.length === 3) {
        const left = ids.filter((id) => !seen.includes(id))
        const input = { vaultName: 'lists', accountId: '-', uploadId: left[0] }
        await glacier.abortMultipartUpload(input)
      }
    }
    assert.equal(new Set(seen).size, 6)
    assert.equal(seen.length, 6)
  })

  it('clamps a limit above the maximum and refuses one below 1 or a foreign marker', async () => {
    const path = `/-/vaults/lists/multipart-uploads`
    const at = (query: string): Promise<RawAnswer> =>
      send(vault.url, { method: 'GET', path: `${path}?${query}` })
    assert.equal((await at('limit=100000')).status, 200)
    for (const query of ['limit=0', 'limit=-1', 'limit=x', 'marker=%21']) {
      assert.equal((await at(query)).status, 400, query)
    }
    const { Marker } = JSON.parse((await at('marker=')).body.toString())
    assert.equal(Marker, null)
  })
})

describe('tree hash at Complete', () => {
  it('is folded from the hashes of parts larger than a leaf', async () => {
    const data = someBytes(9 * MIB + 17, 21)
    const uploadId = await initiate(4 * MIB)
    const parts: Buffer[] = []
    for (let start = 0; start < data.length; start += 4 * MIB) {
      const bytes = data.subarray(start, start + 4 * MIB)
      parts.push(treeHash(bytes))
      await put(uploadId, start, bytes)
    }
    const folded = foldTreeHash(parts).toString('hex')
    assert.equal(folded, hexTree(data))
    const { archiveId } = await complete(uploadId, data, folded)
    assert.ok((await download(archiveId)).equals(data))
  })
})
