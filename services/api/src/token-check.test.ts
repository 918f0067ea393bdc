import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createTokenCheck } from './token-check.ts'

const TOKEN = 'with:colons:in-it'
const basic = (text: string, scheme = 'Basic') =>
  `${scheme} ${Buffer.from(text).toString('base64')}`

describe('createTokenCheck()', () => {
  it('takes any of the tokens as a bearer and nothing else', () => {
    const isAuthorized = createTokenCheck(['another-one', TOKEN])
    assert.equal(isAuthorized(`Bearer ${TOKEN}`), true)
    assert.equal(isAuthorized(`bearer  another-one `), true)
    for (const wrong of [undefined, '', 'Bearer', `Bearer ${TOKEN}x`, TOKEN, basic(`a:${TOKEN}`)]) {
      assert.equal(isAuthorized(wrong), false, wrong)
    }
  })

  it('takes a token as the password of anybody where it is told to', () => {
    const isAuthorized = createTokenCheck(['another-one', TOKEN], ['basic', 'bearer'])
    assert.equal(isAuthorized(`Bearer ${TOKEN}`), true)
    for (const user of ['', 'ann', 'Zoë'])
      assert.equal(isAuthorized(basic(`${user}:${TOKEN}`)), true)
    assert.equal(isAuthorized(basic('ann:another-one', 'bASIC')), true)
    for (const text of [TOKEN, `${TOKEN}:`, ':', 'ann:', `ann:${TOKEN}\n`, `ann: ${TOKEN}`]) {
      assert.equal(isAuthorized(basic(text)), false, text)
    }
    for (const wrong of ['Basic', 'Basic !!!', `Basic ann:${TOKEN}`, `Basic ${TOKEN}`]) {
      assert.equal(isAuthorized(wrong), false, wrong)
    }
  })
})
