import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { JSON_DEPTH_MAX, parseStrictJson } from './strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

describe('parseStrictJson()', () => {
  it('reads what JSON.stringify writes, up to the depth and without __proto__', () => {
    const value = fc.jsonValue({ maxDepth: JSON_DEPTH_MAX - 2 })
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 3 }), (wanted, indent) => {
        const text = JSON.stringify(wanted, null, indent)
        const result = parse(text)
        if (text.includes('__proto__')) return
        assert.deepEqual(result, { ok: true, value: JSON.parse(text) })
      }),
    )
  })

  it('never accepts what JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', '"', '{', ',', '\\'),
        (json, at, put) => {
          const cut = at % (json.length + 1)
          const text = `${json.slice(0, cut)}${put}${json.slice(cut + 1)}`
          if (parse(text).ok) assert.doesNotThrow(() => JSON.parse(text))
        },
      ),
    )
  })

  it('refuses a key twice at any place, however it is written', () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => name !== '__proto__')
    const escaped = (name: string) =>
      `"${[...name].map((char) => (char.length === 1 ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char)).join('')}"`
    fc.assert(
      fc.property(key, fc.boolean(), (name, isNested) => {
        fc.pre(name.isWellFormed())
        const inner = `{${JSON.stringify(name)}:[{"x":"}"}],"other key":1,${escaped(name)}:2}`
        const result = parse(isNested ? `[{"a":${inner}}]` : inner)
        const isOther = name === 'other key'
        assert.ok(isOther || (!result.ok && result.reason === 'duplicate-key'), name)
      }),
    )
  })

  it('takes the same key in different objects', () => {
    assert.ok(parse('[{"a":1},{"a":{"a":[{"a":2}]}}]').ok)
  })

  it('is not misled by quotes, brackets and colons in texts', () => {
    assert.ok(parse('{"a":"\\"a\\":{[","b":"\\\\","c":":"}').ok)
  })

  it('refuses __proto__, deep nesting, a byte order mark and bytes that are not UTF-8', () => {
    assert.deepEqual(parse('{"a":{"__proto__":1}}'), {
      ok: false,
      reason: 'forbidden-key',
      key: '__proto__',
    })
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    assert.ok(parse(nested(JSON_DEPTH_MAX)).ok)
    assert.deepEqual(parse(nested(JSON_DEPTH_MAX + 1)), { ok: false, reason: 'too-deep' })
    assert.deepEqual(parse('\ufeff{}'), { ok: false, reason: 'invalid' })
    assert.deepEqual(parseStrictJson(Buffer.from([0x22, 0xc3, 0x22])), {
      ok: false,
      reason: 'invalid',
    })
  })
})
