import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { MIB } from '@firn/core'
import {
  credentials,
  scratchDir,
  sdkClient,
  send,
  signedHeaders,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

let directory: Awaited<ReturnType<typeof scratchDir>>
let vault: VaultProcess

before(async () => {
  directory = await scratchDir()
  vault = await startVault(directory.path)
})
after(async () => {
  await vault[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

const list = { method: 'GET', path: '/-/vaults' } as const

async function refuses(
  answer: ReturnType<typeof send>,
  status: number,
  code: string,
  message: RegExp,
): Promise<void> {
  const { status: actual, headers, body } = await answer
  const error = JSON.parse(body.toString())
  assert.equal(actual, status, error.message)
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'type'])
  assert.equal(error.code, code)
  assert.match(error.message, message)
  assert.equal(error.type, 'Client')
  assert.equal(headers['content-type'], 'application/json')
  assert.match(String(headers['x-amzn-requestid']), /^[A-Za-z0-9_-]{47}$/)
}

describe('signature', () => {
  it('is wanted on every request', async () => {
    const answer = send(vault.url, { ...list, isUnsigned: true })
    await refuses(answer, 400, 'MissingAuthenticationTokenException', /missing/)
  })

  it('must be made with the right secret', async () => {
    const as = { ...credentials, secretAccessKey: 'another-secret' }
    await refuses(
      send(vault.url, { ...list, as }),
      403,
      'InvalidSignatureException',
      /does not match/,
    )
  })

  it('must be made with a known key', async () => {
    const as = { ...credentials, accessKeyId: 'AKIDOTHER' }
    await refuses(send(vault.url, { ...list, as }), 400, 'UnrecognizedClientException', /token/)
  })

  it('must be made for this region and service', async () => {
    for (const scope of [{ region: 'eu-west-1' }, { service: 's3' }]) {
      const answer = send(vault.url, { ...list, ...scope })
      await refuses(answer, 403, 'InvalidSignatureException', /Credential should be scoped/)
    }
  })

  it('may be 5 minutes off, not 16', async () => {
    const minutesMs = 60_000
    assert.equal(
      (await send(vault.url, { ...list, signedAtMs: Date.now() - 4 * minutesMs })).status,
      200,
    )
    const late = send(vault.url, { ...list, signedAtMs: Date.now() - 16 * minutesMs })
    await refuses(late, 403, 'InvalidSignatureException', /^Signature expired: /)
    const early = send(vault.url, { ...list, signedAtMs: Date.now() + 16 * minutesMs })
    await refuses(early, 403, 'InvalidSignatureException', /^Signature not yet current: /)
  })

  it('must cover the payload', async () => {
    for (const payloadHash of ['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD']) {
      const answer = send(vault.url, { ...list, payloadHash })
      await refuses(answer, 403, 'InvalidSignatureException', /payload/)
    }
    const answer = send(vault.url, { ...list, payloadHash: '0'.repeat(64) })
    await refuses(answer, 403, 'InvalidSignatureException', /Computed digest: e3b0c442/)
  })

  it('may leave the payload hash out of the headers, except of an upload', async () => {
    const answer = await send(vault.url, { ...list, omit: ['x-amz-content-sha256'] })
    assert.equal(answer.status, 200)
  })

  it('is not taken from the query string', async () => {
    const path = '/-/vaults?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00'
    const answer = send(vault.url, { method: 'GET', path, isUnsigned: true })
    await refuses(answer, 403, 'InvalidSignatureException', /query string/)
  })
})

describe('requests', () => {
  it('must name the version of the API', async () => {
    const answer = send(vault.url, { ...list, omit: ['x-amz-glacier-version'] })
    await refuses(
      answer,
      400,
      'MissingParameterValueException',
      /^Required parameter missing: API version$/,
    )
    const headers = { 'x-amz-glacier-version': '2020-01-01' }
    await refuses(
      send(vault.url, { ...list, headers }),
      400,
      'InvalidParameterValueException',
      /version/,
    )
  })

  it('may name the own account, and no other', async () => {
    assert.equal(
      (await send(vault.url, { method: 'GET', path: '/111122223333/vaults' })).status,
      200,
    )
    const other = send(vault.url, { method: 'GET', path: '/999999999999/vaults' })
    await refuses(other, 403, 'AccessDeniedException', /999999999999/)
  })

  it('to no operation are not found', async () => {
    for (const path of ['/', '/-', '/-/vaults/a/b']) {
      await refuses(
        send(vault.url, { method: 'POST', path }),
        404,
        'ResourceNotFoundException',
        /./,
      )
    }
  })

  it('with a broken escape in the target are refused', async () => {
    const path = '/-/vaults/%E0%A4%A'
    await refuses(
      send(vault.url, { method: 'GET', path, isUnsigned: true }),
      400,
      'BadRequest',
      /./,
    )
  })

  it('with a body that is too long for their operation are refused', async () => {
    const body = Buffer.alloc(300 * 1024)
    const answer = send(vault.url, { method: 'POST', path: '/-/vaults/v/jobs', body })
    await refuses(answer, 400, 'BadRequest', /longer than/)
  })

  it('that are not HTTP get an error in the same form', async () => {
    const socket = connect(vault.port, '127.0.0.1')
    socket.end('GET / HTTP/1.1\r\nno colon\r\n\r\n')
    const answer = await text(socket)
    assert.match(answer, /^HTTP\/1\.1 400 /)
    assert.match(answer, /\r\nx-amzn-RequestId: /)
    assert.match(answer, /\{"code":"BadRequest","message":"[^"]+","type":"Client"\}$/)
  })

  it('are answered with the true time and an id of their own', async () => {
    const ids = new Set<unknown>()
    for (let count = 0; count < 3; count += 1) {
      const { headers } = await send(vault.url, list)
      ids.add(headers['x-amzn-requestid'])
      assert.ok(Math.abs(Date.parse(String(headers.date)) - Date.now()) < 10_000)
    }
    assert.equal(ids.size, 3)
  })

  it('that are refused before their body was sent still get their answer', async () => {
    const body = Buffer.alloc(32 * MIB)
    const path = '/-/vaults/nowhere/archives'
    const headers = { 'x-amz-sha256-tree-hash': '0'.repeat(64) }
    const answer = send(vault.url, { method: 'POST', path, headers, body })
    await refuses(answer, 404, 'ResourceNotFoundException', /^Vault not found for ARN: /)
  })

  it('that wait for "100 Continue" are refused without their body', async () => {
    const path = '/-/vaults/nowhere/archives'
    const input = {
      method: 'POST',
      path,
      headers: { 'x-amz-sha256-tree-hash': '0'.repeat(64), expect: '100-continue' },
    } as const
    const headers = { ...signedHeaders(vault.url, input), 'content-length': '1000' }
    const req = request({ port: vault.port, method: 'POST', path, headers })
    let isContinued = false
    req.on('continue', () => {
      isContinued = true
    })
    req.flushHeaders()
    const [res] = await once(req, 'response')
    assert.equal(res.statusCode, 404)
    assert.equal(isContinued, false)
    await buffer(res)
    req.destroy()
  })

  it('that wait for "100 Continue" and are in order are continued', async () => {
    const input = {
      method: 'PUT',
      path: '/-/vaults/continued',
      headers: { expect: '100-continue' },
    }
    const headers = { ...signedHeaders(vault.url, input), 'content-length': '0' }
    const req = request({ port: vault.port, method: 'PUT', path: input.path, headers })
    req.on('continue', () => req.end())
    req.flushHeaders()
    const [res] = await once(req, 'response')
    assert.equal(res.statusCode, 201)
    await buffer(res)
  })
})

describe('vault names', () => {
  it('may be dots, have 255 characters, and are never paths', async () => {
    const glacier = sdkClient(vault.url)
    const names = ['.', '..', '...', 'a'.repeat(255), '-', '_x.y-Z0']
    for (const vaultName of names) {
      const { location } = await glacier.createVault({ accountId: '-', vaultName })
      assert.equal(location, `/111122223333/vaults/${vaultName}`)
      const described = await glacier.describeVault({ accountId: '-', vaultName })
      assert.equal(described.VaultName, vaultName)
      assert.equal(described.VaultARN, `arn:aws:glacier:us-east-1:111122223333:vaults/${vaultName}`)
    }
    const { VaultList } = await glacier.listVaults({ accountId: '-' })
    const listed = VaultList?.map((one) => one.VaultName) ?? []
    for (const name of names) assert.ok(listed.includes(name), name)
    assert.deepEqual(listed, [...listed].sort())
    for (const vaultName of names) await glacier.deleteVault({ accountId: '-', vaultName })
    glacier.destroy()
  })

  it('that are not valid are refused on creation and not found otherwise', async () => {
    for (const name of ['a%2Fb', '%2e%2e%2f', 'caf%C3%A9', 'a'.repeat(256), 'a%20b', 'a%00b']) {
      const path = `/-/vaults/${name}`
      const create = send(vault.url, { method: 'PUT', path })
      await refuses(create, 400, 'InvalidParameterValueException', /^Invalid vault name: /)
      const describeVault = send(vault.url, { method: 'GET', path })
      await refuses(describeVault, 404, 'ResourceNotFoundException', /^Vault not found for ARN: /)
    }
  })

  it('are not mistaken for the list when empty', async () => {
    const answer = send(vault.url, { method: 'GET', path: '/-/vaults/' })
    await refuses(answer, 404, 'ResourceNotFoundException', /vaults\/$/)
  })
})

describe('vaults', () => {
  it('are not reset by being created again', async () => {
    const glacier = sdkClient(vault.url)
    const input = { accountId: '-', vaultName: 'twice' }
    await glacier.createVault(input)
    const first = await glacier.describeVault(input)
    await glacier.uploadArchive({ ...input, body: Buffer.from('kept') })
    await glacier.createVault(input)
    const second = await glacier.describeVault(input)
    assert.equal(second.CreationDate, first.CreationDate)
    assert.equal(second.NumberOfArchives, 1)
    assert.equal(second.SizeInBytes, 4 + 32 * 1024)
    glacier.destroy()
  })

  it('are listed over pages whose marker is an ARN', async () => {
    for (const name of ['page-a', 'page-b', 'page-c']) {
      await send(vault.url, { method: 'PUT', path: `/-/vaults/${name}` })
    }
    const after_ = encodeURIComponent('arn:aws:glacier:us-east-1:111122223333:vaults/page-a')
    const path = `/-/vaults?limit=1&marker=${after_}`
    const page = JSON.parse((await send(vault.url, { method: 'GET', path })).body.toString())
    assert.equal(page.VaultList.length, 1)
    assert.equal(page.VaultList[0].VaultName, 'page-b')
    assert.equal(page.Marker, 'arn:aws:glacier:us-east-1:111122223333:vaults/page-b')
    const bad = send(vault.url, { method: 'GET', path: '/-/vaults?marker=page-a' })
    await refuses(bad, 400, 'InvalidParameterValueException', /marker/)
  })

  it('are deleted only when empty, and as often as one likes', async () => {
    const glacier = sdkClient(vault.url)
    const input = { accountId: '-', vaultName: 'short-lived' }
    await glacier.createVault(input)
    const { archiveId } = await glacier.uploadArchive({ ...input, body: Buffer.from('x') })
    await assert.rejects(glacier.deleteVault(input), {
      name: 'InvalidParameterValueException',
      message:
        'Vault not empty or recently written to: arn:aws:glacier:us-east-1:111122223333:vaults/short-lived',
    })
    await glacier.deleteArchive({ ...input, archiveId })
    await glacier.deleteVault(input)
    await glacier.deleteVault(input)
    await assert.rejects(glacier.describeVault(input), { name: 'ResourceNotFoundException' })
    glacier.destroy()
  })
})

describe('probes', () => {
  it('answer without a signature', async () => {
    for (const path of ['/healthz', '/readyz']) {
      assert.equal((await send(vault.url, { method: 'GET', path, isUnsigned: true })).status, 200)
    }
    const metrics = await send(vault.url, { method: 'GET', path: '/metrics', isUnsigned: true })
    assert.match(metrics.body.toString(), /firn_vault_requests_total\{operation="ListVaults"/)
  })
})
