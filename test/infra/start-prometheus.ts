import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { until } from '@firn/testing'
import { stringify } from 'yaml'
import { freePorts } from './free-ports.ts'
import { createPrometheusClient, type PrometheusClient } from './query-prometheus.ts'

/** `host:port` by job. */
export type Targets = Readonly<Record<string, readonly string[]>>

export interface TestPrometheus extends PrometheusClient, AsyncDisposable {
  /** What is scraped from now on, as when pods come and go. */
  readonly setTargets: (targets: Targets) => Promise<void>
}

/**
 * A Prometheus of its own with Firn's rules, which scrapes every second and keeps exemplars. Needs
 * Debian's `prometheus`.
 */
export async function startPrometheus(options: {
  readonly directory: string
  /** Besides those that {@link TestPrometheus.setTargets} gives. */
  readonly scrapeConfigs?: readonly object[]
}): Promise<TestPrometheus> {
  const directory = resolve(options.directory)
  await mkdir(directory, { recursive: true })
  const config = join(directory, 'prometheus.yml')
  const targetsFile = join(directory, 'targets.json')
  await writeFile(targetsFile, '[]')
  const content = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [resolve('infra/prometheus/rules/firn.yml')],
    scrape_configs: [
      {
        job_name: 'firn',
        file_sd_configs: [{ files: [targetsFile], refresh_interval: '1s' }],
      },
      ...(options.scrapeConfigs ?? []),
    ],
  }
  await writeFile(config, stringify(content))
  const [port = 0] = await freePorts(1)
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage',
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
  }
  try {
    const isReady = async () => (await fetch(`${url}/-/ready`).catch(() => null))?.ok === true
    await until(isReady, { timeoutMs: 60_000 })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ...createPrometheusClient(url),
    async setTargets(targets) {
      const groups = Object.entries(targets).map(([job, found]) => ({
        targets: found,
        labels: { job },
      }))
      // Never half written: Prometheus may look at any moment.
      await writeFile(`${targetsFile}.new`, JSON.stringify(groups))
      await rename(`${targetsFile}.new`, targetsFile)
    },
    [Symbol.asyncDispose]: stop,
  }
}
