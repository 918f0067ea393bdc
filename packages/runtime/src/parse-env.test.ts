import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { ConfigError, integerVariable, parseEnv, portVariable } from './parse-env.ts'

const schema = z.object({
  PORT: portVariable(8080),
  LIMIT: integerVariable({ min: 1, max: 9, defaultValue: 3 }),
  MODE: z.enum(['fast', 'safe']).default('safe').describe('fast or safe'),
  API_TOKEN: z.string().min(8).describe('at least 8 characters'),
})

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    parseEnv(schema, env)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
}

describe('parseEnv()', () => {
  it('reads numbers, fills in defaults and takes an empty variable for one that is not set', () => {
    const config = parseEnv(schema, { PORT: '0', LIMIT: '', API_TOKEN: 'long enough', OTHER: 'x' })
    assert.deepEqual(config, { PORT: 0, LIMIT: 3, MODE: 'safe', API_TOKEN: 'long enough' })
    assert.ok(Object.isFrozen(config))
  })

  it('lists every bad variable: its value, what is wrong and what is allowed', () => {
    const problems = problemsOf({ PORT: '65536', LIMIT: '1e1', MODE: 'both' })
    assert.equal(problems.length, 4)
    assert.match(problems[0] ?? '', /^PORT is "65536": out of range; allowed: .* 0 to 65535/)
    assert.match(problems[1] ?? '', /^LIMIT is "1e1": not a whole number; allowed: .* 1 to 9/)
    assert.match(problems[2] ?? '', /^MODE is "both": .*; allowed: fast or safe$/)
    assert.match(problems[3] ?? '', /^API_TOKEN is not set; allowed: at least 8 characters$/)
  })

  it('takes no number that is not written in plain digits', () => {
    for (const text of ['-1', '+1', '1.0', '0x1', ' 1', '1 ', '١', '1'.repeat(30)]) {
      assert.equal(problemsOf({ LIMIT: text, API_TOKEN: 'long enough' }).length, 1, text)
    }
  })

  it('never shows a secret', () => {
    const [problem = ''] = problemsOf({ API_TOKEN: 'hunter2' })
    assert.doesNotMatch(problem, /hunter2/)
    const [url = ''] = problemsOf({ API_TOKEN: 'long enough', MODE: 'redis://me:hunter2@host/0' })
    assert.match(url, /redis:\/\/\[redacted\]@host/)
  })
})
