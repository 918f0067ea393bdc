import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  canonicalPath,
  canonicalQuery,
  canonicalRequest,
  type SignedRequest,
  sign,
  signingKey,
  stringToSign,
} from './signature.ts'

// The two worked examples of AWS's guide to signing Glacier requests, corrected: the second one
// signs the path with `/archives` and the text "Welcome to Amazon Glacier.".
const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
const createVault: SignedRequest = {
  method: 'PUT',
  path: '/-/vaults/examplevault',
  query: '',
  headers: [
    ['host', 'glacier.us-east-1.amazonaws.com'],
    ['x-amz-date', '20120525T002453Z'],
    ['x-amz-glacier-version', '2012-06-01'],
  ],
  signedHeaders: ['host', 'x-amz-date', 'x-amz-glacier-version'],
  payloadHash: hash('sha256', ''),
}
const uploadArchive: SignedRequest = {
  method: 'POST',
  path: '/-/vaults/examplevault/archives',
  query: '',
  headers: [
    ['host', 'glacier.us-east-1.amazonaws.com'],
    ['x-amz-content-sha256', '726e392cb4d09924dbad1cc0ba3b00c3643d03d14cb4b823e2f041cff612a628'],
    ['x-amz-date', '20120507T000000Z'],
    ['x-amz-glacier-version', '2012-06-01'],
  ],
  signedHeaders: ['host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-glacier-version'],
  payloadHash: hash('sha256', 'Welcome to Amazon Glacier.'),
}

function signatureOf(request: SignedRequest, amzDate: string): string {
  const scope = { date: amzDate.slice(0, 8), region: 'us-east-1', service: 'glacier' }
  const text = stringToSign(canonicalRequest(request), amzDate, scope)
  return sign(signingKey(secret, scope), text).toString('hex')
}

describe('signature', () => {
  it('agrees with the guide on CreateVault', () => {
    const canonicalHash = hash('sha256', canonicalRequest(createVault))
    assert.match(canonicalHash, /^5f1da1a2d0fe[0-9a-f]+6743$/)
    assert.equal(
      signatureOf(createVault, '20120525T002453Z'),
      '3ce5b2f2fffac9262b4da9256f8d086b4aaf42eba5f111c21681a65a127b7c2a',
    )
  })

  it('agrees with the guide on UploadArchive', () => {
    assert.equal(
      signatureOf(uploadArchive, '20120507T000000Z'),
      'b092397439375d59119072764a1e9a144677c43d9906fd98a5742c57a2855de6',
    )
  })
})

describe('canonicalRequest()', () => {
  it('trims header values, folds runs of spaces and joins repeated headers', () => {
    const request: SignedRequest = {
      ...createVault,
      headers: [
        ['x-amz-archive-description', '  two  words '],
        ['host', 'a'],
        ['x-amz-archive-description', 'more'],
      ],
      signedHeaders: ['host', 'x-amz-archive-description'],
    }
    assert.match(canonicalRequest(request), /\nx-amz-archive-description:two words,more\n/)
  })

  it('ignores headers that are not signed', () => {
    const request = {
      ...createVault,
      headers: [...createVault.headers, ['user-agent', 'x'] as const],
    }
    assert.equal(canonicalRequest(request), canonicalRequest(createVault))
  })
})

describe('canonicalPath()', () => {
  const cases: readonly (readonly [path: string, canonical: string])[] = [
    ['/', '/'],
    ['/-/vaults/..', '/-'],
    ['/-/vaults/.', '/-/vaults'],
    ['/-//vaults/', '/-/vaults/'],
    ['/-/vaults/a%20b', '/-/vaults/a%2520b'],
    ["/-/vaults/it's", '/-/vaults/it%27s'],
  ]
  for (const [path, canonical] of cases) {
    it(`makes "${canonical}" of "${path}"`, () => {
      assert.equal(canonicalPath(path), canonical)
    })
  }
})

describe('canonicalQuery()', () => {
  it('sorts by name, then value, and encodes what is not unreserved', () => {
    assert.equal(canonicalQuery('b=2&a=z&a=b%2Fc&d'), 'a=b%2Fc&a=z&b=2&d=')
  })

  it('throws a URIError on a bad escape', () => {
    assert.throws(() => canonicalQuery('a=%E0%A4%A'), URIError)
  })
})
