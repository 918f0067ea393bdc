import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError } from '@firn/runtime'
import { parseTokensFile, readApiConfig } from './config.ts'
import { createTokenCheck } from './token-check.ts'

describe('readApiConfig()', () => {
  it('refuses to start without a token and says how to make one', () => {
    assert.throws(
      () => readApiConfig({}),
      (error: unknown) =>
        error instanceof ConfigError &&
        /API_TOKEN is not set/.test(error.message) &&
        /openssl rand/.test(error.message),
    )
    assert.throws(() => readApiConfig({ API_TOKEN: '' }), ConfigError)
  })

  it('never shows a token that it refuses', () => {
    for (const token of ['short', 'has a space in it', 'ümlaut-ümlaut']) {
      assert.throws(
        () => readApiConfig({ API_TOKEN: token }),
        (error: unknown) => error instanceof ConfigError && !error.message.includes(token),
      )
    }
  })

  it('lists every bad variable at once', () => {
    assert.throws(
      () => readApiConfig({ API_PORT: '99999', API_STREAMS_MAX: 'many', API_TOKEN: 'long-enough' }),
      (error: unknown) => error instanceof ConfigError && error.problems.length === 2,
    )
  })

  it('fills in what is not set', () => {
    const config = readApiConfig({ API_TOKEN: 'long-enough', SOURCE_ROOTS: '/a/:/b/../c:' })
    assert.equal(config.host, '127.0.0.1')
    assert.equal(config.port, 8080)
    assert.deepEqual(config.sourceRoots, ['/a', '/c'])
    assert.match(config.journalUrl, /^file:\/.*\.firn\/journal$/)
  })
})

describe('parseTokensFile()', () => {
  it('takes one token a line and skips comments', () => {
    assert.deepEqual(parseTokensFile('# mine\r\nfirst-token\n\n  second-token \n'), [
      'first-token',
      'second-token',
    ])
  })

  it('refuses a file without a token, or with a bad one', () => {
    assert.throws(() => parseTokensFile('# none\n'), ConfigError)
    assert.throws(() => parseTokensFile('good-token\nbad\n'), ConfigError)
  })
})

describe('createTokenCheck()', () => {
  it('knows every token, in any case of the scheme', () => {
    const isAuthorized = createTokenCheck(['first-token', 'second-token'])
    assert.ok(isAuthorized('Bearer first-token'))
    assert.ok(isAuthorized('bearer  second-token'))
    assert.ok(!isAuthorized('Bearer third-token'))
    assert.ok(!isAuthorized(undefined))
  })
})
