import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { BASE_URL_FILE, parseBaseUrl, renderFiles } from '../../infra/generate/render-files.ts'
import { canRun, runCommand } from './run-command.ts'
import { runbookQueries, runbookSections } from './runbook.ts'

const ROOT = new URL('../../', import.meta.url)
const CASES = ['firn', 'days'].map((name) => `infra/prometheus/tests/${name}.test.yml`)
const limit = { timeoutMs: 120_000 }
const skip = (await canRun('promtool', '--version'))
  ? false
  : 'promtool is not here: install the package "prometheus"'

const Rules = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          labels: z.object({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.object({ summary: z.string(), runbook_url: z.string() }),
        }),
      ),
    }),
  ),
})

async function readRules(file = 'infra/prometheus/rules/firn.yml') {
  const text = await readFile(new URL(file, ROOT), 'utf8')
  return Rules.parse(parse(text)).groups.flatMap(({ rules }) => rules)
}

/** What a heading of Markdown can be linked by. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
}

describe('infra/prometheus', () => {
  it('is a configuration that Prometheus takes', { skip }, async () => {
    await runCommand(['promtool', 'check', 'config', 'infra/prometheus/prometheus.yml'], limit)
  })

  it('has rules that fire when they are due, and not before', { skip }, async () => {
    await runCommand(['promtool', 'test', 'rules', ...CASES], limit)
  })

  it('has a case for every alert', async () => {
    const texts = CASES.map((file) => readFile(new URL(file, ROOT), 'utf8'))
    const cases = (await Promise.all(texts)).join('\n')
    for (const { alert } of await readRules()) {
      assert.match(cases, new RegExp(`^ +alertname: ${alert}$`, 'm'), alert)
    }
  })

  it('links every alert to a section of the runbook, and every section is linked', async () => {
    const anchors = (await runbookSections()).map(({ title }) => anchorOf(title))
    const linked = (await readRules()).map(({ annotations }) => annotations.runbook_url)
    const expected = new Set(anchors.map((anchor) => `docs/runbook.md#${anchor}`))
    assert.deepEqual(new Set(linked), expected)
  })

  it('links to where the runbook can be read from, in what Prometheus loads', async () => {
    const base = parseBaseUrl(await readFile(new URL(BASE_URL_FILE, ROOT), 'utf8'))
    const linked = await readRules('infra/prometheus/firn.rules.yml')
    const links = (await readRules()).map(({ annotations }) => base + annotations.runbook_url)
    assert.deepEqual(
      linked.map(({ annotations }) => annotations.runbook_url),
      links,
    )
    const config = await readFile(new URL('infra/prometheus/prometheus.yml', ROOT), 'utf8')
    assert.deepEqual(parse(config).rule_files, ['firn.rules.yml'])
  })

  it('says in every section what is seen, where to look, what causes it and what to do', async () => {
    const rules = await readRules()
    for (const { title, text } of await runbookSections()) {
      const url = `docs/runbook.md#${anchorOf(title)}`
      const symptom = /^\*\*Symptom\*\* (.|\n)*?\n\n/m.exec(text)?.[0] ?? ''
      for (const { alert, annotations } of rules) {
        if (annotations.runbook_url !== url) continue
        assert.ok(symptom.includes(`\`${alert}\``), `${title} does not name ${alert}`)
      }
      assert.match(text, /^\*\*Look\*\* /m, title)
      assert.ok(
        (await runbookQueries()).some((query) => text.includes(query)),
        `${title}: no query`,
      )
      assert.match(text, /^\*\*Cause\*\* |^\| (Found|Code) \|/m, title)
      assert.match(text, /^\*\*Action\*\* |^\|.* Action \|$/m, title)
    }
  })
})

describe('npm run generate', () => {
  it('takes an address of the web that ends in a slash, and no other', () => {
    assert.equal(parseBaseUrl('https://a.example/b/\n'), 'https://a.example/b/')
    for (const text of ['docs/', 'https://a.example/b', 'ftp://a/', 'https://a.example/?b=/']) {
      assert.throws(() => parseBaseUrl(text), /wanted is http/, text)
    }
  })

  it('has been run since its sources changed', async () => {
    for (const [path, text] of await renderFiles(ROOT)) {
      const isFresh = (await readFile(new URL(path, ROOT), 'utf8')) === text
      assert.ok(isFresh, `${path} is stale: run "npm run generate"`)
    }
  })
})
