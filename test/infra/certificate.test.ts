import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { until } from '@firn/testing'
import { parse } from 'yaml'
import { z } from 'zod'
import { openScratch } from '../e2e/test-stack.ts'
import { alertQueries } from './dashboard-queries.ts'
import { freePorts } from './free-ports.ts'
import { hasOpenssl, makeCertificate } from './make-certificate.ts'
import { canRun } from './run-command.ts'
import { startPrometheus } from './start-prometheus.ts'

const EXPORTER = 'prometheus-blackbox-exporter'
const DAY_SECONDS = 86_400

async function whyNot(): Promise<string | false> {
  if (!(await canRun(EXPORTER, '--version'))) return `needs Debian's package "${EXPORTER}"`
  if (!(await canRun('prometheus', '--version'))) return 'needs the package "prometheus"'
  return hasOpenssl() ? false : 'needs openssl'
}

/** The job that prometheus.yml has in comments, for this target and this exporter. */
async function scrapeConfig(target: string, exporter: string): Promise<object> {
  const text = await readFile('infra/prometheus/prometheus.yml', 'utf8')
  const [, commented = ''] = /^( {2}# - job_name: firn-tls\n(?: {2}#.*\n)+)/m.exec(text) ?? []
  const yaml = commented
    .replaceAll(/^ {2}# /gm, '')
    .replace('firn.example.com:443', target)
    .replace('blackbox:9115', exporter)
  const [config] = z.tuple([z.looseObject({ job_name: z.string() })]).parse(parse(yaml))
  return config
}

async function startExporter(): Promise<{ readonly address: string } & AsyncDisposable> {
  const [port = 0] = await freePorts(1)
  const address = `127.0.0.1:${port}`
  const config = '--config.file=infra/prometheus/blackbox.yml'
  const child = spawn(EXPORTER, [config, `--web.listen-address=${address}`], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const isUp = async () =>
    (await fetch(`http://${address}/-/healthy`).catch(() => null))?.ok === true
  await until(isUp, { timeoutMs: 60_000 })
  return {
    address,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

describe('the alert of a certificate', { skip: await whyNot(), timeout: 5 * 60_000 }, () => {
  it('sees what the blackbox exporter sees of a proxy whose days are numbered', async () => {
    await using scratch = await openScratch()
    const server = createServer(await makeCertificate(scratch.path, 5))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      const bound = z.object({ port: z.number() }).parse(server.address())
      const target = `127.0.0.1:${bound.port}`
      await using exporter = await startExporter()
      await using prometheus = await startPrometheus({
        directory: join(scratch.path, 'prometheus'),
        scrapeConfigs: [await scrapeConfig(target, exporter.address)],
      })
      const alert = (await alertQueries()).find(({ name }) => name === 'FirnCertificateExpires')
      const ask = () => prometheus.query(alert?.expr ?? '')
      await until(async () => (await ask()).length > 0, { timeoutMs: 60_000, intervalMs: 200 })
      const [{ metric, value } = { metric: {}, value: 0 }] = await ask()
      assert.deepEqual(metric, { instance: target })
      assert.ok(value > 4 * DAY_SECONDS && value <= 5 * DAY_SECONDS, `${value} seconds are left`)
    } finally {
      server.close()
      server.closeAllConnections()
    }
  })
})
