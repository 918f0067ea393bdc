import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { GlacierError, type GlacierErrorCode } from '../glacier-error.ts'
import { createAuthenticator, type UnverifiedRequest } from './authenticator.ts'
import { canonicalRawPath, canonicalRequest, sign, signingKey, stringToSign } from './signature.ts'

const alice = { accessKeyId: 'ALICE', secretAccessKey: 'alices secret', accountId: '111111111111' }
const bob = { accessKeyId: 'BOB', secretAccessKey: 'bobs secret', accountId: '222222222222' }
const authenticator = createAuthenticator({ credentials: [alice, bob], region: 'eu-west-1' })
const payloadHash = hash('sha256', '')
const signedAt = '20260102T030405Z'
const signedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5)

interface Overrides {
  readonly path?: string
  readonly query?: string
  readonly region?: string
  readonly service?: string
  readonly day?: string
  readonly secret?: string
  readonly accessKeyId?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly dateHeader?: string
  readonly canonicalPath?: string
}

function signed(overrides: Overrides = {}): UnverifiedRequest {
  const { path = '/-/vaults', query = '', dateHeader = 'x-amz-date' } = overrides
  const headers = overrides.headers ?? [
    ['host', 'localhost'],
    [dateHeader, signedAt],
  ]
  const scope = {
    date: overrides.day ?? signedAt.slice(0, 8),
    region: overrides.region ?? 'eu-west-1',
    service: overrides.service ?? 'glacier',
  }
  const signedHeaders = [...new Set(headers.map(([name]) => name))].sort()
  const request = { method: 'GET', path, query, headers, signedHeaders, payloadHash }
  const canonical = canonicalRequest(request, overrides.canonicalPath)
  const key = signingKey(overrides.secret ?? alice.secretAccessKey, scope)
  const signature = sign(key, stringToSign(canonical, signedAt, scope)).toString('hex')
  const scopeText = `${scope.date}/${scope.region}/${scope.service}/aws4_request`
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${overrides.accessKeyId ?? 'ALICE'}/${scopeText}, ` +
    `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`
  return { method: 'GET', path, query, headers: [...headers, ['authorization', authorization]] }
}

function authenticate(request: UnverifiedRequest, receivedAtMs = signedAtMs) {
  return authenticator.authenticate(request, payloadHash, receivedAtMs)
}

function refuses(
  request: UnverifiedRequest,
  code: GlacierErrorCode,
  message: RegExp,
  receivedAtMs = signedAtMs,
): void {
  assert.throws(
    () => authenticate(request, receivedAtMs),
    (error) => {
      assert.ok(error instanceof GlacierError)
      assert.equal(error.code, code)
      assert.match(error.message, message)
      return true
    },
  )
}

describe('authenticate()', () => {
  it('knows each caller by the key that signed', () => {
    assert.equal(authenticate(signed()).accountId, '111111111111')
    const fromBob = signed({ accessKeyId: 'BOB', secret: bob.secretAccessKey })
    assert.equal(authenticate(fromBob).accountId, '222222222222')
  })

  it('takes a Date header of ISO basic form in place of x-amz-date', () => {
    assert.equal(authenticate(signed({ dateHeader: 'date' })).accountId, '111111111111')
  })

  it('takes a path signed with its dot segments or without', () => {
    const path = '/-/vaults/..'
    assert.ok(authenticate(signed({ path })))
    assert.ok(authenticate(signed({ path, canonicalPath: canonicalRawPath(path) })))
  })

  it('accepts 5 minutes of skew either way, and no more', () => {
    const fiveMinutesMs = 5 * 60_000
    assert.ok(authenticate(signed(), signedAtMs + fiveMinutesMs))
    assert.ok(authenticate(signed(), signedAtMs - fiveMinutesMs))
    refuses(
      signed(),
      'InvalidSignatureException',
      /^Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z \(20260102T030906Z - 5 min\.\)$/,
      signedAtMs + fiveMinutesMs + 1000,
    )
    refuses(
      signed(),
      'InvalidSignatureException',
      /^Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z \(20260102T025904Z \+ 5 min\.\)$/,
      signedAtMs - fiveMinutesMs - 1000,
    )
  })

  it('refuses a request without authorization', () => {
    const request = { method: 'GET', path: '/', query: '', headers: [] }
    refuses(request, 'MissingAuthenticationTokenException', /missing Authentication Token/)
  })

  it('refuses a presigned request', () => {
    const query = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00'
    const request = { method: 'GET', path: '/', query, headers: [] }
    refuses(request, 'InvalidSignatureException', /query string/)
  })

  it('refuses another secret and says what it would have signed', () => {
    refuses(
      signed({ secret: 'a guess' }),
      'InvalidSignatureException',
      /^The request signature we calculated does not match[\s\S]*GET\n\/-\/vaults\n/,
    )
  })

  it('refuses a request that was changed after it was signed', () => {
    const request = signed()
    refuses({ ...request, path: '/-/vaults/x' }, 'InvalidSignatureException', /does not match/)
    refuses({ ...request, query: 'limit=1' }, 'InvalidSignatureException', /does not match/)
    refuses({ ...request, method: 'PUT' }, 'InvalidSignatureException', /does not match/)
  })

  it('refuses an unknown key', () => {
    refuses(signed({ accessKeyId: 'EVE' }), 'UnrecognizedClientException', /security token/)
  })

  it('refuses another region, service or day in the scope', () => {
    refuses(signed({ region: 'us-east-1' }), 'InvalidSignatureException', /not 'us-east-1'/)
    refuses(signed({ service: 's3' }), 'InvalidSignatureException', /'glacier'/)
    refuses(signed({ day: '20260101' }), 'InvalidSignatureException', /Date in Credential scope/)
  })

  it('refuses other algorithms and incomplete headers', () => {
    const bad = [
      'AWS AKID:signature',
      'AWS4-ECDSA-P256-SHA256 Credential=a',
      'AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00',
      'AWS4-HMAC-SHA256 Credential=ALICE/glacier/aws4_request, SignedHeaders=host, Signature=00',
      'AWS4-HMAC-SHA256 Credential=ALICE/20260102/eu-west-1/glacier/aws4_request, SignedHeaders=x-amz-date, Signature=00',
    ]
    for (const authorization of bad) {
      const headers = [
        ['host', 'localhost'],
        ['x-amz-date', signedAt],
        ['authorization', authorization],
      ] as const
      refuses({ method: 'GET', path: '/', query: '', headers }, 'InvalidSignatureException', /./)
    }
  })

  it('refuses a date that is not in ISO basic form', () => {
    const headers = [
      ['host', 'localhost'],
      ['date', 'Fri, 02 Jan 2026 03:04:05 GMT'],
    ] as const
    refuses(signed({ headers }), 'InvalidSignatureException', /^Date must be in ISO-8601/)
  })

  it('reads header bytes as Latin-1, so that a description signed as UTF-8 does not match', () => {
    const headersOf = (description: string) =>
      [
        ['host', 'localhost'],
        ['x-amz-archive-description', description],
        ['x-amz-date', signedAt],
      ] as const
    const request = signed({ headers: headersOf('café') })
    const received = Buffer.from('café').toString('latin1')
    const headers = request.headers.map(([name, value]) =>
      name === 'x-amz-archive-description' ? ([name, received] as const) : ([name, value] as const),
    )
    assert.ok(authenticate(request))
    refuses({ ...request, headers }, 'InvalidSignatureException', /does not match/)
  })
})
