import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { AppError, type ErrorCode, MIB } from '@firn/core'
import type { RequestReport } from '@firn/glacier'
import {
  type Answer,
  aPart,
  failure,
  hasCode,
  json,
  never,
  openScriptedServer,
  page,
  type ScriptedServer,
  streamOf,
  until,
  upload,
} from './glacier-scripted-server.ts'

let server: ScriptedServer
beforeEach(async () => {
  server = await openScriptedServer()
})
afterEach(() => server[Symbol.asyncDispose]())

describe('createGlacier(): what can be answered', () => {
  const table: readonly (readonly [string, Answer, ErrorCode])[] = [
    ['throttling, a 400', failure(400, 'ThrottlingException'), 'GLACIER_THROTTLED'],
    ['a bare 429', page(429, ''), 'GLACIER_THROTTLED'],
    ['unavailability', failure(500, 'ServiceUnavailableException'), 'GLACIER_UNAVAILABLE'],
    ['an unknown name with a 500', failure(500, 'NovelException'), 'GLACIER_UNAVAILABLE'],
    ['an upload that stalled', failure(408, 'RequestTimeoutException'), 'GLACIER_TIMEOUT'],
    ['a bare 408', page(408, ''), 'GLACIER_TIMEOUT'],
    ['an expired token', failure(403, 'ExpiredTokenException'), 'GLACIER_CREDENTIALS'],
    ['a denial', failure(403, 'AccessDeniedException'), 'GLACIER_CREDENTIALS'],
    ['an unknown key', failure(400, 'UnrecognizedClientException'), 'GLACIER_CREDENTIALS'],
    ['no signature', failure(400, 'MissingAuthenticationTokenException'), 'GLACIER_CREDENTIALS'],
    [
      'a clock that is off',
      failure(403, 'InvalidSignatureException', 'Signature expired: 2012 is now earlier than 2013'),
      'GLACIER_CREDENTIALS',
    ],
    ['a bad parameter', failure(400, 'InvalidParameterValueException'), 'GLACIER_REFUSED'],
    ['a missing one', failure(400, 'MissingParameterValueException'), 'GLACIER_REFUSED'],
    ['a limit', failure(400, 'LimitExceededException'), 'GLACIER_UNAVAILABLE'],
    ['a conflict', failure(409, 'ConflictException'), 'GLACIER_UNAVAILABLE'],
    ['a conflict without a name', json(409, null), 'GLACIER_UNAVAILABLE'],
    ['an unknown name with a 401', failure(401, 'NovelException'), 'GLACIER_CREDENTIALS'],
    ['an unknown name with a 403', failure(403, 'NovelException'), 'GLACIER_CREDENTIALS'],
    ['the end of the service', failure(400, 'NoLongerSupportedException'), 'GLACIER_REFUSED'],
    ['an unknown name with a 400', failure(400, 'NovelException'), 'GLACIER_REFUSED'],
    [
      'a missing upload',
      failure(404, 'ResourceNotFoundException', `The upload ID was not found: ${upload.uploadId}`),
      'GLACIER_UPLOAD_NOT_FOUND',
    ],
    [
      'a missing vault',
      failure(404, 'ResourceNotFoundException', 'Vault not found for ARN: arn:aws:x:vaults/photos'),
      'GLACIER_VAULT_NOT_FOUND',
    ],
    [
      'a missing vault that is named like an upload',
      failure(
        404,
        'ResourceNotFoundException',
        'Vault not found for ARN: arn:aws:x:vaults/uploads',
      ),
      'GLACIER_VAULT_NOT_FOUND',
    ],
    [
      'other bytes than the tree hash says',
      failure(400, 'InvalidParameterValueException', 'Checksum mismatch: expected ab, computed cd'),
      'PART_CHECKSUM_MISMATCH',
    ],
    [
      'other bytes than the linear hash says',
      failure(
        403,
        'InvalidSignatureException',
        'The value passed in as x-amz-content-sha256 does not match the computed payload hash.',
      ),
      'PART_CHECKSUM_MISMATCH',
    ],
    ['a page of a proxy with a 503', page(503, '<html>busy</html>'), 'GLACIER_UNAVAILABLE'],
    ['a page of a proxy with a 404', page(404, '<html>lost</html>'), 'GLACIER_UNAVAILABLE'],
    ['a page of a proxy with a 403', page(403, '<html>no</html>'), 'GLACIER_UNAVAILABLE'],
    ['a 400 with nothing in it', page(400, ''), 'GLACIER_UNAVAILABLE'],
    ['a 400 of somebody else', json(400, { error: 'no' }), 'GLACIER_UNAVAILABLE'],
    ['a 400 with a list', json(400, ['no']), 'GLACIER_UNAVAILABLE'],
    ['a 400 with null', json(400, null), 'GLACIER_UNAVAILABLE'],
    ['a 302', page(302, ''), 'GLACIER_UNAVAILABLE'],
    ['no tree hash', json(204, null), 'OUTCOME_UNKNOWN'],
    [
      'another tree hash',
      json(204, null, { 'x-amz-sha256-tree-hash': '0'.repeat(64) }),
      'PART_CHECKSUM_MISMATCH',
    ],
  ]
  for (const [what, given, code] of table) {
    it(`is ${code} for a part when the answer is ${what}, after one request`, async () => {
      await using glacier = server.connect()
      server.answer = given
      const part = aPart(2 * MIB)
      await assert.rejects(glacier.uploadPart(part, never), (error) => {
        assert.ok(error instanceof AppError && error.message.startsWith('Cannot upload bytes 0-'))
        return hasCode(code)(error)
      })
      const body = streamOf(part.body)
      await assert.rejects(glacier.uploadPart({ ...part, body }, never), hasCode(code))
      assert.equal(server.requests.length, 2)
    })
  }

  it('leaves the outcome open when a success lacks its id or names another hash', async () => {
    await using glacier = server.connect()
    const treeHash = 'a'.repeat(64)
    const complete = { ...upload, sizeBytes: 1, treeHash }
    for (const headers of [
      {},
      { 'x-amz-archive-id': '' },
      { 'x-amz-archive-id': 'cut\tshort' },
      { 'x-amz-archive-id': 'id', 'x-amz-sha256-tree-hash': 'b'.repeat(64) },
    ]) {
      server.answer = json(201, null, headers)
      await assert.rejects(glacier.completeUpload(complete, never), hasCode('OUTCOME_UNKNOWN'))
    }
    server.answer = json(201, null)
    const input = { vault: 'v', partSizeBytes: MIB, description: '' }
    await assert.rejects(glacier.initiateUpload(input, never), hasCode('OUTCOME_UNKNOWN'))
    server.answer = failure(
      400,
      'InvalidParameterValueException',
      'Invalid x-amz-sha256-tree-hash: aa',
    )
    await assert.rejects(glacier.completeUpload(complete, never), hasCode('GLACIER_REFUSED'))
    for (const conflict of [
      failure(400, 'LimitExceededException'),
      failure(409, 'ConflictException'),
    ]) {
      server.answer = conflict
      await assert.rejects(glacier.completeUpload(complete, never), hasCode('GLACIER_UNAVAILABLE'))
    }
    server.answer = failure(400, 'LimitExceededException')
    await assert.rejects(glacier.initiateUpload(input, never), hasCode('GLACIER_REFUSED'))
  })

  it("does not repeat a refused signature's text, which holds the session token", async () => {
    await using glacier = server.connect()
    server.answer = failure(
      403,
      'InvalidSignatureException',
      'does not match x-amz-security-token:SECRET',
    )
    await assert.rejects(glacier.abortUpload(upload, never), (error) => {
      assert.ok(error instanceof AppError)
      assert.doesNotMatch(error.message, /SECRET/)
      return hasCode('GLACIER_CREDENTIALS')(error)
    })
  })

  it('reports every request once, with its outcome and seconds', async () => {
    const reports: RequestReport[] = []
    await using glacier = server.connect({ onRequest: (report) => reports.push(report) })
    server.answer = json(204, null)
    await glacier.abortUpload(upload, never)
    server.answer = failure(400, 'ThrottlingException')
    await assert.rejects(glacier.abortUpload(upload, never))
    server.answer = () => undefined
    const abort = new AbortController()
    const pending = glacier.abortUpload(upload, abort.signal)
    await until(() => server.requests.length === 3)
    abort.abort()
    await assert.rejects(pending)
    assert.deepEqual(
      reports.map(({ operation, vault, outcome }) => [operation, vault, outcome]),
      ['ok', 'GLACIER_THROTTLED', 'aborted'].map((outcome) => [
        'AbortMultipartUpload',
        upload.vault,
        outcome,
      ]),
    )
    assert.ok(reports.every(({ seconds }) => seconds > 0 && seconds < 60))
  })
})
