import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { ProblemView } from '@firn/contracts'
import { AppError } from '@firn/core'
import { statusByCode, toProblem } from './problem.ts'
import { RequestError } from './request-error.ts'

const docs = new URL('../../../docs/api.md', import.meta.url)

describe('toProblem()', () => {
  it('makes a problem that its schema accepts of every code', () => {
    for (const code of Object.keys(statusByCode) as (keyof typeof statusByCode)[]) {
      const { status, body } = toProblem(new RequestError(code, 'what was found'), 'id')
      assert.deepEqual(ProblemView.parse(body), body)
      assert.equal(status, statusByCode[code])
      assert.match(body.type, /^urn:firn:problem:[a-z0-9-]+$/)
    }
  })

  it('shows the message of a failure and hides that of a bug', () => {
    const failure = new AppError('STORE_UNAVAILABLE', 'Cannot list jobs')
    assert.equal(toProblem(failure, null).body.detail, 'Cannot list jobs')
    for (const bug of [new Error('secret'), new AppError('INTERNAL', 'secret'), 'secret', null]) {
      const { status, body } = toProblem(bug, null)
      assert.equal(status, 500)
      assert.doesNotMatch(JSON.stringify(body), /secret/)
    }
  })
})

describe('docs/api.md', () => {
  it('gives each code the status that it has', async () => {
    const text = await readFile(docs, 'utf8')
    const rows = [...text.matchAll(/^\| (\d{3}) \| (.*) \|$/gm)]
    assert.ok(rows.length > 10)
    const documented = rows.flatMap(([, status, codes = '']) =>
      [...codes.matchAll(/`([A-Z0-9_]+)`/g)].map(([, code]) => [code, Number(status)]),
    )
    for (const [code, status] of documented) {
      assert.equal(
        Object.entries(statusByCode).find(([name]) => name === code)?.[1],
        status,
        String(code),
      )
    }
  })

  it('lists every code that only a request can earn', async () => {
    const text = await readFile(docs, 'utf8')
    const source = await readFile(new URL('request-error.ts', import.meta.url), 'utf8')
    for (const [, code = ''] of source.matchAll(/^ {2}\| '([A-Z_]+)'$/gm)) {
      assert.ok(text.includes(`\`${code}\``), code)
    }
  })
})
