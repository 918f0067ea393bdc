import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { until } from '@firn/testing'

const MAIN = resolve(import.meta.dirname, '../../services/api/src/main.ts')

export const TOKEN = 'integration-test-token'
export const authorization = { authorization: `Bearer ${TOKEN}` }

/** A scratch directory that goes with the test. */
export async function scratchDirectory(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'firn-api-test-'))
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

/** Starts the API as a process of its own, without waiting for it. */
export function spawnApi(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH ?? '',
      API_PORT: '0',
      SOURCE_ROOTS: '/srv/archive',
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_GLACIER: 'http://127.0.0.1:9',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const exited = once(child, 'exit')
  return {
    output: () => output,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    isRunning: () => child.exitCode === null && child.signalCode === null,
    exitCode: async () => (await exited)[0],
  }
}

/** Starts the API over a Redis and a directory, and waits until it listens. */
export async function openApiProcess(options: {
  readonly redisUrl: string
  readonly dataDir: string
}) {
  const api = spawnApi({
    API_TOKEN: TOKEN,
    REDIS_URL: options.redisUrl,
    FIRN_DATA_DIR: options.dataDir,
  })
  const listening = /"port":(\d+),"msg":"listening"/
  await until(() => listening.test(api.output()) || !api.isRunning(), { timeoutMs: 30_000 })
  const port = listening.exec(api.output())?.[1]
  if (port === undefined) throw new Error(`The API did not start: ${api.output()}`)
  const url = `http://127.0.0.1:${port}`
  return {
    ...api,
    url,
    get: (path: string) => fetch(`${url}${path}`, { headers: authorization }),
    /** POSTs a valid job, or what `changes` makes of it. */
    postJob: (changes: object = {}, headers: Record<string, string> = {}) =>
      fetch(`${url}/v1/jobs`, {
        method: 'POST',
        headers: { ...authorization, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({
          vault: 'photos',
          source: { type: 'file', path: '/srv/archive/a.tar' },
          ...changes,
        }),
      }),
    async [Symbol.asyncDispose]() {
      api.kill('SIGKILL')
      await api.exitCode()
    },
  }
}
