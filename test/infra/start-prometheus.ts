import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { until } from '@firn/testing'
import { stringify } from 'yaml'
import { freePorts } from './free-ports.ts'

/** A Prometheus of its own over these targets, with Firn's rules. Needs Debian's `prometheus`. */
export async function startPrometheus(options: {
  readonly directory: string
  /** `host:port` by job. */
  readonly targets: Readonly<Record<string, readonly string[]>>
}): Promise<{ readonly url: string } & AsyncDisposable> {
  const { directory, targets } = options
  await mkdir(directory, { recursive: true })
  const config = join(directory, 'prometheus.yml')
  const content = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [resolve('infra/prometheus/rules/firn.yml')],
    scrape_configs: Object.entries(targets).map(([job, found]) => ({
      job_name: job,
      static_configs: [{ targets: found }],
    })),
  }
  await writeFile(config, stringify(content))
  const [port = 0] = await freePorts(1)
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
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
  return { url, [Symbol.asyncDispose]: stop }
}
