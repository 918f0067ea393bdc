import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openTestApi } from './open-test-api.ts'

const source = { type: 'file', path: '/srv/archive/a' }
const hex64 = 'ab'.repeat(32)

/** A valid request with some keys replaced. */
const asked = (changes: object) => JSON.stringify({ vault: 'v', source, ...changes })
const from = (path: string) => asked({ source: { type: 'file', path } })
const secret = 'correct-horse-battery-staple'

type Row = readonly [name: string, body: string | Uint8Array, status: number, code: string]

const invalidJson: readonly Row[] = [
  ['empty body', '', 400, 'JSON_INVALID'],
  ['cut off', '{"a":', 400, 'JSON_INVALID'],
  ['cut off after a secret', `{"token":"${secret}`, 400, 'JSON_INVALID'],
  ['30,000 levels', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, 400, 'JSON_TOO_DEEP'],
  [
    '17 levels in a label',
    asked({ labels: JSON.parse(`${'{"a":'.repeat(16)}1${'}'.repeat(16)}`) }),
    400,
    'JSON_TOO_DEEP',
  ],
  ['the same key twice', '{"vault":"a","vault":"b"}', 400, 'JSON_INVALID'],
  ['the same key twice, one escaped', '{"vault":"a","\\u0076ault":"b"}', 400, 'JSON_INVALID'],
  [
    'bytes that are not UTF-8',
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    400,
    'JSON_INVALID',
  ],
  ['a byte order mark', `\ufeff${asked({})}`, 400, 'JSON_INVALID'],
  ['a lone surrogate', asked({}).replace('archive/a', 'archive/\\ud800'), 422, 'VALIDATION_FAILED'],
  ['70 kB', asked({ description: 'x'.repeat(70_000) }), 413, 'BODY_TOO_LARGE'],
  ['a text', '"text"', 422, 'VALIDATION_FAILED'],
  ['a list', '[]', 422, 'VALIDATION_FAILED'],
  ['null', 'null', 422, 'VALIDATION_FAILED'],
  ['a number', '42', 422, 'VALIDATION_FAILED'],
]

const manyKeys = `{${Array.from({ length: 6000 }, (_, index) => `"k${index}":1`).join(',')}}`

const invalidKeys: readonly Row[] = [
  ['6,000 keys', manyKeys, 422, 'VALIDATION_FAILED'],
  ['__proto__', '{"__proto__":{"polluted":1},"vault":"v"}', 422, 'VALIDATION_FAILED'],
  ['__proto__, escaped', '{"\\u005f_proto__":{"polluted":1}}', 422, 'VALIDATION_FAILED'],
  [
    '__proto__ as a label',
    asked({ labels: {} }).replace('{}', '{"__proto__":"x"}'),
    422,
    'VALIDATION_FAILED',
  ],
  [
    'constructor.prototype',
    asked({ constructor: { prototype: { polluted: 1 } } }),
    422,
    'VALIDATION_FAILED',
  ],
  ['an unknown key', asked({ vualt: 'v' }), 422, 'VALIDATION_FAILED'],
  ['webhook', asked({ webhook: 'https://example.org' }), 422, 'VALIDATION_FAILED'],
  ['no source', JSON.stringify({ vault: 'v' }), 422, 'VALIDATION_FAILED'],
  ['two sources', asked({ source: [source, source] }), 422, 'VALIDATION_FAILED'],
  [
    'a source with keys of another',
    asked({ source: { ...source, url: 'x' } }),
    422,
    'VALIDATION_FAILED',
  ],
]

const invalidValues: readonly Row[] = [
  ...['ftp', 'data', 'https', 's3', 'stream', '', null, 1].map(
    (type): Row => [
      `source type ${type}`,
      asked({ source: { type, path: '/a' } }),
      422,
      'VALIDATION_FAILED',
    ],
  ),
  ...['', 'x'.repeat(256), 'a/b', '.', '..', '%2e%2e', 'é', 'a\0b', ' a', 'a ', 'a\n', 7, null].map(
    (vault): Row => [
      `vault ${JSON.stringify(vault)}`.slice(0, 60),
      asked({ vault }),
      422,
      'VALIDATION_FAILED',
    ],
  ),
  ...[
    'x'.repeat(961),
    'a\r\nX-Evil: 1',
    '🏔',
    '\x7f',
    'a\tb',
    'firn1 j=1',
    '  firn1 j=1',
    5,
    null,
  ].map(
    (description): Row => [
      `description ${JSON.stringify(description)}`.slice(0, 60),
      asked({ description }),
      422,
      'VALIDATION_FAILED',
    ],
  ),
  ...[
    '0',
    '-1',
    '1.5',
    '"1048576"',
    '1e309',
    '9007199254740993',
    '1048577',
    '3145728',
    '8589934592',
    '524288',
    'null',
  ].map(
    (size): Row => [
      `partSize ${size}`,
      asked({ partSize: 'HERE' }).replace('"HERE"', size),
      422,
      'VALIDATION_FAILED',
    ],
  ),
  ['partSize NaN', asked({ partSize: 'HERE' }).replace('"HERE"', 'NaN'), 400, 'JSON_INVALID'],
  [
    'parts past 10,000',
    asked({ partSize: 2 ** 20, expected: { size: 10_000 * 2 ** 20 + 1 } }),
    422,
    'VALIDATION_FAILED',
  ],
  ...[-1, 8, 1.5, '3'].map(
    (priority): Row => [`priority ${priority}`, asked({ priority }), 422, 'VALIDATION_FAILED'],
  ),
  ...[0, -1, 10_000 * 2 ** 32 + 1, '1', 1.5].map(
    (size): Row => [
      `expected size ${size}`,
      asked({ expected: { size } }),
      422,
      'VALIDATION_FAILED',
    ],
  ),
  ...[hex64.slice(1), `${hex64}0`, `g${hex64.slice(1)}`, '', 5].map(
    (sha256): Row => [
      `expected sha256 ${sha256}`.slice(0, 40),
      asked({ expected: { sha256 } }),
      422,
      'VALIDATION_FAILED',
    ],
  ),
  ['an unknown algorithm', asked({ expected: { md5: hex64.slice(32) } }), 422, 'VALIDATION_FAILED'],
  [
    '17 labels',
    asked({ labels: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, 'v'])) }),
    422,
    'VALIDATION_FAILED',
  ],
  ['a label that is too long', asked({ labels: { a: 'x'.repeat(256) } }), 422, 'VALIDATION_FAILED'],
  [
    'a label key that is too long',
    asked({ labels: { ['x'.repeat(64)]: '' } }),
    422,
    'VALIDATION_FAILED',
  ],
  ['a label with a line break', asked({ labels: { a: 'x\ny' } }), 422, 'VALIDATION_FAILED'],
]

const invalidPaths: readonly Row[] = [
  ['relative', from('../../etc/shadow'), 403, 'SOURCE_NOT_ALLOWED'],
  ['outside', from('/etc/shadow'), 403, 'SOURCE_NOT_ALLOWED'],
  ['up and out', from('/srv/archive/../x'), 403, 'SOURCE_NOT_ALLOWED'],
  ['up and out twice', from('/srv/archive/a/../../../etc/shadow'), 403, 'SOURCE_NOT_ALLOWED'],
  ['the root itself', from('/srv/archive'), 403, 'SOURCE_NOT_ALLOWED'],
  ['a sibling with the same beginning', from('/srv/archive-2/a'), 403, 'SOURCE_NOT_ALLOWED'],
  ['percent-encoded', from('%2fsrv%2farchive%2fa'), 403, 'SOURCE_NOT_ALLOWED'],
  ['backslashes', from('\\srv\\archive\\a'), 403, 'SOURCE_NOT_ALLOWED'],
  ['a NUL', from('/srv/archive/a\0.txt'), 422, 'VALIDATION_FAILED'],
  ['empty', from(''), 422, 'VALIDATION_FAILED'],
  ['5,000 characters', from(`/srv/archive/${'a/'.repeat(2500)}`), 422, 'VALIDATION_FAILED'],
  ['a name of 256 bytes', from(`/srv/archive/${'a'.repeat(256)}`), 422, 'VALIDATION_FAILED'],
  [
    'a name of 128 two-byte letters',
    from(`/srv/archive/${'é'.repeat(128)}`),
    422,
    'VALIDATION_FAILED',
  ],
]

describe('a bad body of POST /v1/jobs', () => {
  for (const [group, rows] of Object.entries({
    invalidJson,
    invalidKeys,
    invalidValues,
    invalidPaths,
  })) {
    it(`is refused with a problem that repeats nothing of it: ${group}`, async (t) => {
      await using api = await openTestApi()
      for (const [name, body, status, code] of rows) {
        await t.test(name, async () => {
          const headers = { 'content-type': 'application/json' }
          const answer = await api.call('POST', '/v1/jobs', { headers, body })
          assert.equal(answer.status, status)
          assert.equal(answer.body.code, code)
          assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
          assert.doesNotMatch(JSON.stringify(answer.body), new RegExp(secret))
          assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
        })
      }
      assert.deepEqual((await api.call('GET', '/v1/jobs')).body.items, [])
      assert.deepEqual(api.queued, [])
    })
  }

  it('names what is wrong by JSON Pointer', async () => {
    await using api = await openTestApi()
    const { body } = await api.call('POST', '/v1/jobs', {
      headers: { 'content-type': 'application/json' },
      body: asked({ vault: '..', source: { type: 's3' }, 'x/y~z': 1, webhook: {} }),
    })
    assert.deepEqual(
      body.errors?.map(({ path }) => path),
      ['/vault', '/source/type', '/x~1y~0z', '/webhook'],
    )
    assert.match(body.errors?.[1]?.message ?? '', /"s3" is not supported; supported: file/)
    assert.match(body.errors?.[3]?.message ?? '', /not supported yet/)
  })

  it('is refused by its media type and encoding before it is read', async () => {
    await using api = await openTestApi()
    const body = asked({})
    const refused: readonly Record<string, string>[] = [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/jsonp' },
      { 'content-type': 'multipart/form-data; boundary=x' },
      { 'content-type': 'application/json', 'content-encoding': 'br2' },
    ]
    for (const headers of refused) {
      const answer = await api.call('POST', '/v1/jobs', { headers, body })
      assert.equal(answer.status, 415, JSON.stringify(headers))
      assert.equal(answer.body.code, 'MEDIA_TYPE_UNSUPPORTED')
    }
    const bomb = gzipSync(Buffer.alloc(50 * 1024 ** 2))
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    assert.equal((await api.call('POST', '/v1/jobs', { headers, body: bomb })).status, 415)
    const bare = await api.call('POST', '/v1/jobs', { body: Buffer.from(body) })
    assert.equal(bare.status, 415)
  })

  it('takes JSON in UTF-8 however it is declared, whatever the client would accept', async () => {
    await using api = await openTestApi()
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
    ]) {
      const headers = { 'content-type': type, accept: 'text/html' }
      assert.equal((await api.call('POST', '/v1/jobs', { headers, body: asked({}) })).status, 202)
    }
  })
})
